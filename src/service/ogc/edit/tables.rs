//! What each layer's table takes: its columns under their public names, and its shapes.

use serde_json::{Value, json};

use super::shape::Shape;
use crate::domain::{Layer, Problem, ProblemKind};

/// How a value is checked.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text of at most so many characters.
    Text(usize),
    /// A whole number between two, both included.
    Int(i64, i64),
    /// A number above 0 and up to another.
    Positive(f64),
    /// Yes or no.
    Bool,
    /// One of these words, with what they mean.
    Choice(&'static [(&'static str, &'static str)]),
    /// The id of another feature; of a region also its level.
    Ref(Layer, Option<&'static str>),
}

/// What an absent value becomes.
#[derive(Debug, Clone, Copy)]
pub enum Absent {
    /// It is refused.
    Refused,
    /// Nothing.
    Null,
    /// This text.
    Text(&'static str),
    /// The program finds it from the geometry; refused where it cannot.
    Found,
}

/// One property that can be written.
#[derive(Debug)]
pub struct Column {
    /// Its public name.
    pub property: &'static str,
    /// Its name in the table.
    pub column: &'static str,
    /// What the user reads.
    pub label: &'static str,
    /// Its values.
    pub kind: Kind,
    /// Without a value.
    pub absent: Absent,
}

/// What else follows from a geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// Nothing.
    Nothing,
    /// The village in `village_id`, or the region in `region_id`, wherever the writer does not change it.
    Region(&'static str),
    /// The general grid of a household.
    Grid,
    /// The nodes of a road.
    Nodes,
}

/// A layer whose features can be written.
#[derive(Debug)]
pub struct Table {
    /// Its columns.
    pub columns: &'static [Column],
    /// Its shapes; the geometry may be null where there is no shape or `placed` is false.
    pub shapes: &'static [Shape],
    /// Whether each feature must have a geometry.
    pub placed: bool,
    /// What follows from the geometry.
    pub follows: Follows,
    /// Whether features are added and removed here, or only changed: the way out where they are not.
    pub only_changed: Option<(&'static str, &'static str)>,
}

const fn column(property: &'static str, label: &'static str, kind: Kind, absent: Absent) -> Column {
    Column { property, column: property, label, kind, absent }
}

const NAME: Column = column("name", "名称", Kind::Text(200), Absent::Refused);
const VILLAGE: Kind = Kind::Ref(Layer::Region, Some("village"));
const PLACE: &[Shape] = &[Shape::Point, Shape::Polygon, Shape::MultiPolygon];
const AREA: &[Shape] = &[Shape::Polygon, Shape::MultiPolygon];

const VENUE_KINDS: &[(&str, &str)] = &[
    ("pavilion", "议事亭"),
    ("corridor", "议事长廊"),
    ("courtyard", "议事小院"),
    ("party_centre", "党群服务中心"),
    ("civilisation_station", "新时代文明实践站"),
    ("party_courtyard", "党建小院"),
    ("judge_station", "法官驿站"),
    ("mediation_room", "调解室"),
    ("elder_canteen", "长者食堂"),
    ("clinic", "村卫生室"),
    ("book_room", "农家书屋"),
    ("culture_square", "文化广场"),
    ("clan_hall", "宗祠/民俗活动场所"),
    ("points_shop", "爱心银行兑换点"),
];
const ROAD_CLASSES: &[(&str, &str)] = &[
    ("highway", "高速公路"),
    ("primary", "国道"),
    ("secondary", "省道、县道"),
    ("township", "乡道"),
    ("village", "村道"),
    ("path", "小路"),
];
const ORG_KINDS: &[(&str, &str)] = &[
    ("county_committee", "县委"),
    ("township_committee", "乡镇党委"),
    ("village_party_org", "村党组织"),
    ("grid_group", "网格党小组"),
    ("cluster_committee", "联村党委"),
];
const ORG_FORMS: &[(&str, &str)] =
    &[("committee", "党委"), ("general_branch", "党总支"), ("branch", "党支部"), ("group", "党小组")];
const WATER_KINDS: &[(&str, &str)] = &[("river", "河"), ("stream", "溪"), ("reservoir", "水库")];
const LAND_KINDS: &[(&str, &str)] = &[
    ("forest", "林地"),
    ("bamboo", "竹林"),
    ("orchard", "果园"),
    ("terrace", "梯田"),
    ("farmland", "耕地"),
    ("grass", "草地"),
    ("built", "建设用地"),
];

const PLAIN: Table = Table { columns: &[], shapes: &[], placed: true, follows: Follows::Nothing, only_changed: None };

static VENUE: Table = Table {
    columns: &[
        NAME,
        column("kind", "阵地类别", Kind::Choice(VENUE_KINDS), Absent::Refused),
        column("capacity", "容纳人数", Kind::Int(1, 1_000_000), Absent::Null),
        column("opening_hours", "开放时间", Kind::Text(200), Absent::Text("")),
        column("agenda_limit", "每次议事件数", Kind::Int(1, 50), Absent::Null),
        column("village_id", "所在村", VILLAGE, Absent::Found),
    ],
    shapes: PLACE,
    follows: Follows::Region("village_id"),
    ..PLAIN
};
static SETTLEMENT: Table = Table {
    columns: &[
        NAME,
        column("kind", "类别", Kind::Text(40), Absent::Text("hamlet")),
        column("village_id", "所在村", VILLAGE, Absent::Found),
    ],
    shapes: PLACE,
    placed: false,
    follows: Follows::Region("village_id"),
    ..PLAIN
};
static VILLAGER_GROUP: Table = Table {
    columns: &[NAME, column("village_id", "所属村", VILLAGE, Absent::Found)],
    shapes: PLACE,
    placed: false,
    follows: Follows::Region("village_id"),
    ..PLAIN
};
static SOCIAL_ORG: Table = Table {
    columns: &[
        NAME,
        column("kind", "类别", Kind::Text(80), Absent::Refused),
        column("registered", "是否备案", Kind::Bool, Absent::Refused),
        column("region_id", "所在辖区", Kind::Ref(Layer::Region, None), Absent::Found),
    ],
    shapes: &[Shape::Point],
    placed: false,
    follows: Follows::Region("region_id"),
    ..PLAIN
};
static PARTY_ORG: Table = Table {
    columns: &[
        NAME,
        column("kind", "层级", Kind::Choice(ORG_KINDS), Absent::Refused),
        column("form", "形式", Kind::Choice(ORG_FORMS), Absent::Refused),
        column("parent_id", "上级党组织", Kind::Ref(Layer::PartyOrg, None), Absent::Null),
        column("region_id", "所在辖区", Kind::Ref(Layer::Region, None), Absent::Refused),
    ],
    placed: false,
    ..PLAIN
};
static HOUSEHOLD: Table = Table {
    columns: &[
        column("address", "地址", Kind::Text(200), Absent::Text("")),
        column("village_id", "所属村", VILLAGE, Absent::Refused),
        column("villager_group_id", "村民小组", Kind::Ref(Layer::VillagerGroup, None), Absent::Null),
        column("settlement_id", "自然村", Kind::Ref(Layer::Settlement, None), Absent::Null),
        column("register_grid_id", "登记网格", Kind::Ref(Layer::Grid, None), Absent::Null),
    ],
    shapes: &[Shape::Point],
    placed: false,
    follows: Follows::Grid,
    only_changed: Some((
        "户的增减连着人员资料,请用 yitu import household 登记;这里可改门点、地址和归属。",
        "Adding or removing a household touches people's data; use yitu import household. Its door, address and membership can be changed here.",
    )),
};
static BUS_LINE: Table = Table {
    columns: &[column("number", "线路号", Kind::Text(40), Absent::Refused), NAME],
    shapes: &[Shape::LineString],
    ..PLAIN
};
static ROAD: Table = Table {
    columns: &[
        column("class", "道路等级", Kind::Choice(ROAD_CLASSES), Absent::Refused),
        column("name", "名称", Kind::Text(200), Absent::Text("")),
        column("speed_kmh", "限速(公里/时)", Kind::Positive(200.0), Absent::Refused),
    ],
    shapes: &[Shape::LineString],
    follows: Follows::Nodes,
    ..PLAIN
};
static WATER: Table = Table {
    columns: &[
        column("kind", "类别", Kind::Choice(WATER_KINDS), Absent::Refused),
        column("name", "名称", Kind::Text(200), Absent::Text("")),
    ],
    shapes: &[Shape::LineString, Shape::MultiLineString, Shape::Polygon, Shape::MultiPolygon],
    ..PLAIN
};
static LAND_USE: Table =
    Table { columns: &[column("kind", "地类", Kind::Choice(LAND_KINDS), Absent::Refused)], shapes: AREA, ..PLAIN };
static BUILDING: Table = Table {
    columns: &[column("kind", "类别", Kind::Text(40), Absent::Text("house"))],
    shapes: &[Shape::Polygon],
    ..PLAIN
};

/// What a layer's features can be written with.
///
/// # Errors
/// For layers that are written elsewhere or follow from others: the problem that names the way.
pub fn table(layer: Layer) -> Result<&'static Table, Problem> {
    match layer {
        Layer::Venue => Ok(&VENUE),
        Layer::Settlement => Ok(&SETTLEMENT),
        Layer::VillagerGroup => Ok(&VILLAGER_GROUP),
        Layer::SocialOrg => Ok(&SOCIAL_ORG),
        Layer::PartyOrg => Ok(&PARTY_ORG),
        Layer::Household => Ok(&HOUSEHOLD),
        Layer::BusLine => Ok(&BUS_LINE),
        Layer::Road => Ok(&ROAD),
        Layer::Water => Ok(&WATER),
        Layer::LandUse => Ok(&LAND_USE),
        Layer::Building => Ok(&BUILDING),
        Layer::Grid => Err(Problem::new(
            ProblemKind::Conflict,
            "grid-needs-redraw",
            ("网格只经重划更改", "Grids change by redraw only"),
            (
                "网格不能单个改动,以免重叠或留缝:请向 /api/grids/redraws 提交全村方案,预览后发布。".to_owned(),
                "A grid is never changed alone, so that none overlap: post the whole village's set to /api/grids/redraws, look at the preview and publish it.".to_owned(),
            ),
        )
        .with_extra("use", "/api/grids/redraws")),
        Layer::Incident => Err(elsewhere(
            layer,
            "/api/incidents",
            "事件经 POST /api/incidents 上报,经 /api/incidents/{id}/actions 办理。",
            "Incidents are reported to POST /api/incidents and acted on at /api/incidents/{id}/actions.",
        )),
        Layer::Cluster => Err(elsewhere(
            layer,
            "yitu import cluster",
            "联村联社的范围由成员村合并而成,不能直接改;成员用 yitu import cluster 更新。",
            "A cluster's outline is the union of its villages; update its members with yitu import cluster.",
        )),
        Layer::Region => Err(elsewhere(
            layer,
            "yitu import region",
            "辖区界线以主管部门资料为准,用 yitu import region 更新。",
            "Regions follow the authority's own material; update them with yitu import region.",
        )),
        Layer::Responder => Err(elsewhere(
            layer,
            "/api/docs",
            "办理人是人员资料,随任职登记,不经地图接口修改。",
            "Responders are people's data and follow their appointments; they are not changed through the map interface.",
        )),
    }
}

fn elsewhere(layer: Layer, way: &str, zh: &str, en: &str) -> Problem {
    let title = format!("{}不在此处修改", layer.title());
    Problem::new(
        ProblemKind::NotAllowed,
        "not-edited-here",
        (title.as_str(), "Not edited here"),
        (zh.to_owned(), en.to_owned()),
    )
    .with_extra("use", way)
}

/// The methods that write items of a collection: at the collection's items, and at one item.
#[must_use]
pub fn methods(layer: Layer) -> (&'static [&'static str], &'static [&'static str]) {
    match table(layer) {
        Ok(table) if table.only_changed.is_some() => (&[], &["PUT", "PATCH"]),
        Ok(_) => (&["POST"], &["PUT", "PATCH", "DELETE"]),
        Err(_) => (&[], &[]),
    }
}

impl Kind {
    /// JSON Schema of its values.
    #[must_use]
    pub fn schema(self) -> Value {
        match self {
            Self::Text(longest) => json!({"type": "string", "maxLength": longest}),
            Self::Int(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Self::Positive(most) => json!({"type": "number", "exclusiveMinimum": 0, "maximum": most}),
            Self::Bool => json!({"type": "boolean"}),
            Self::Choice(words) => json!({"type": "string", "enum": words.iter().map(|w| w.0).collect::<Vec<_>>()}),
            Self::Ref(..) => json!({"type": "integer", "minimum": 1}),
        }
    }
}
