//! What each layer takes: its fields, the headers they are known by, and the shapes it holds.

use clap::ValueEnum;

/// A layer that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ImportLayer {
    /// 辖区:乡镇或村
    Region,
    /// 自然村、小地名
    Settlement,
    /// 村民小组
    VillagerGroup,
    /// 户(有无坐标均可)
    Household,
    /// 阵地
    Venue,
    /// 道路
    Road,
    /// 公交线路
    BusLine,
    /// 社会组织
    SocialOrg,
    /// 联村联社
    Cluster,
    /// 党组织:县委、乡镇党委、村党组织、网格党小组,连同各自的责任单位
    PartyOrg,
    /// 人员:网格长、网格员、村干部等,一行一职
    Responder,
    /// 综合网格:还没有网格的村的第一版;此后经重划更改
    Grid,
}

/// The shapes a layer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shapes {
    /// Polygons, stored as one MultiPolygon.
    Areas,
    /// One point.
    Point,
    /// A point or an outline.
    PointOrArea,
    /// Lines; each part becomes a row.
    Lines,
    /// None: a register.
    None,
}

/// One field of a layer.
#[derive(Debug)]
pub struct Field {
    /// Its name, as `--map` takes it.
    pub key: &'static str,
    /// What the user reads.
    pub label: &'static str,
    /// Whether every row must fill it.
    pub required: bool,
    /// Headers it is known by, normalised (lower case, without blanks, `_`, `-`).
    pub synonyms: &'static [&'static str],
}

const fn field(key: &'static str, label: &'static str, required: bool, synonyms: &'static [&'static str]) -> Field {
    Field { key, label, required, synonyms }
}

const NAME: Field = field(
    "name",
    "名称",
    true,
    &["name", "名称", "areaname", "mc", "地名", "名字", "标准名称", "zmc", "xzqmc", "行政区名称"],
);
const KIND: Field = field("kind", "类别", false, &["kind", "type", "类别", "类型", "种类"]);
const VILLAGE: Field = field(
    "village",
    "村",
    false,
    &["village", "villagename", "村", "村名", "村名称", "所属村", "所在村", "行政村", "村社区", "村(社区)", "村(社区)"],
);
const VILLAGE_CODE: Field = field("village_code", "村代码", false, &["villagecode", "村代码", "村编码", "村区划代码"]);
const TOWNSHIP: Field = field(
    "township",
    "乡镇",
    false,
    &["township", "townshipname", "town", "乡镇", "乡镇名称", "所属乡镇", "所在乡镇", "乡镇街道", "镇"],
);
const TOWNSHIP_CODE: Field = field("township_code", "乡镇代码", false, &["townshipcode", "乡镇代码", "乡镇编码"]);
const LON: Field = field("lon", "经度或东坐标", false, &["lon", "lng", "long", "longitude", "经度", "x", "东坐标"]);
const LAT: Field = field("lat", "纬度或北坐标", false, &["lat", "latitude", "纬度", "y", "北坐标"]);

static REGION: [Field; 5] = [
    field(
        "code",
        "代码",
        false,
        &["code", "代码", "区划代码", "行政区划代码", "编码", "geocode", "xzqdm", "adcode", "村代码"],
    ),
    NAME,
    KIND,
    TOWNSHIP,
    TOWNSHIP_CODE,
];
static SETTLEMENT: [Field; 7] = [NAME, KIND, VILLAGE, VILLAGE_CODE, TOWNSHIP, LON, LAT];
static GROUP: [Field; 6] = [
    field("name", "名称", true, &["name", "名称", "组名", "村民小组", "小组", "组"]),
    VILLAGE,
    VILLAGE_CODE,
    TOWNSHIP,
    LON,
    LAT,
];
static HOUSEHOLD: [Field; 13] = [
    field("number", "户号", true, &["number", "户号", "户编号", "门牌编号", "householdno", "householdnumber", "hh"]),
    field("head", "户主", true, &["head", "headname", "户主", "户主姓名", "姓名", "name"]),
    field("address", "地址", false, &["address", "地址", "住址", "门牌", "门牌地址", "详细地址"]),
    field("tags", "标签", false, &["tags", "标签", "户标签", "类别", "人员类别"]),
    field("group", "村民小组", false, &["group", "villagergroup", "村民小组", "小组", "组", "组名", "组别"]),
    field("settlement", "自然村", false, &["settlement", "自然村", "小地名", "居民点"]),
    field("grid_code", "网格编码", false, &["gridcode", "网格编码", "网格代码", "网格编号"]),
    field(
        "phone",
        "电话",
        false,
        &["phone", "mobile", "tel", "电话", "手机", "联系电话", "手机号", "手机号码", "户主电话"],
    ),
    VILLAGE,
    VILLAGE_CODE,
    TOWNSHIP,
    LON,
    LAT,
];
static VENUE: [Field; 9] = [
    NAME,
    field("kind", "阵地类别", true, KIND.synonyms),
    field("capacity", "容纳人数", false, &["capacity", "容纳人数", "容量", "人数"]),
    field("opening_hours", "开放时间", false, &["openinghours", "hours", "开放时间", "营业时间"]),
    VILLAGE,
    VILLAGE_CODE,
    TOWNSHIP,
    LON,
    LAT,
];
static ROAD: [Field; 3] = [
    field("name", "名称", false, NAME.synonyms),
    field(
        "class",
        "道路等级",
        true,
        &["class", "等级", "道路等级", "技术等级", "kind", "type", "fclass", "highway", "类型", "类别"],
    ),
    field("speed_kmh", "限速(公里/时)", false, &["speedkmh", "speed", "maxspeed", "限速", "设计时速"]),
];
static BUS_LINE: [Field; 2] = [
    field("number", "线路号", true, &["number", "no", "ref", "线路号", "线路", "路号", "编号"]),
    field("name", "名称", true, &["name", "名称", "线路名称"]),
];
static SOCIAL_ORG: [Field; 8] = [
    NAME,
    field("kind", "类别", true, KIND.synonyms),
    field("registered", "是否备案", true, &["registered", "备案", "是否备案", "已备案", "登记", "是否登记"]),
    VILLAGE,
    VILLAGE_CODE,
    TOWNSHIP,
    LON,
    LAT,
];
static CLUSTER: [Field; 3] = [
    NAME,
    field("members", "成员村", true, &["members", "成员村", "成员", "成员单位", "所辖村", "村"]),
    field("industries", "产业", false, &["industries", "产业", "共同产业", "主导产业"]),
];

static PARTY_ORG: [Field; 8] = [
    NAME,
    field("kind", "组织类别", true, &["kind", "组织类别", "类别", "类型", "层级"]),
    field("form", "组织形式", false, &["form", "组织形式", "形式"]),
    field("parent", "上级党组织", false, &["parent", "上级党组织", "上级组织", "上级"]),
    field("grids", "负责网格编码", false, &["grids", "负责网格编码", "负责网格", "网格编码", "gridcode"]),
    VILLAGE,
    VILLAGE_CODE,
    TOWNSHIP,
];
static RESPONDER: [Field; 9] = [
    field("name", "姓名", true, &["name", "姓名", "名字", "人员姓名"]),
    field("role", "角色", true, &["role", "角色", "职务", "身份", "岗位"]),
    field("unit", "责任单位", false, &["unit", "责任单位", "所在单位", "单位", "党小组", "网格党小组"]),
    field("grid_code", "网格编码", false, &["gridcode", "网格编码", "网格代码", "网格编号"]),
    field("phone", "电话", false, &["phone", "mobile", "tel", "电话", "手机", "联系电话", "手机号", "手机号码"]),
    field("skills", "特长", false, &["skills", "特长", "技能", "擅长"]),
    VILLAGE,
    VILLAGE_CODE,
    TOWNSHIP,
];
static GRID: [Field; 6] = [
    field("name", "名称", true, &["name", "名称", "网格名称", "网格", "gridname", "wgmc", "mc"]),
    field("code", "网格编码", false, &["code", "gridcode", "网格编码", "网格代码", "网格编号", "编码", "代码", "wgbm"]),
    field("group", "网格党小组", false, &["group", "网格党小组", "党小组", "责任党小组", "责任党组织"]),
    VILLAGE,
    VILLAGE_CODE,
    TOWNSHIP,
];

impl ImportLayer {
    /// Its name in the database and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Settlement => "settlement",
            Self::VillagerGroup => "villager_group",
            Self::Household => "household",
            Self::Venue => "venue",
            Self::Road => "road",
            Self::BusLine => "bus_line",
            Self::SocialOrg => "social_org",
            Self::Cluster => "cluster",
            Self::PartyOrg => "party_org",
            Self::Responder => "responder",
            Self::Grid => "grid",
        }
    }

    /// Its fields.
    #[must_use]
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Region => &REGION,
            Self::Settlement => &SETTLEMENT,
            Self::VillagerGroup => &GROUP,
            Self::Household => &HOUSEHOLD,
            Self::Venue => &VENUE,
            Self::Road => &ROAD,
            Self::BusLine => &BUS_LINE,
            Self::SocialOrg => &SOCIAL_ORG,
            Self::Cluster => &CLUSTER,
            Self::PartyOrg => &PARTY_ORG,
            Self::Responder => &RESPONDER,
            Self::Grid => &GRID,
        }
    }

    /// The shapes it holds.
    #[must_use]
    pub fn shapes(self) -> Shapes {
        match self {
            Self::Region | Self::Grid => Shapes::Areas,
            Self::Settlement | Self::VillagerGroup | Self::Venue => Shapes::PointOrArea,
            Self::Household | Self::SocialOrg => Shapes::Point,
            Self::Road | Self::BusLine => Shapes::Lines,
            Self::Cluster | Self::PartyOrg | Self::Responder => Shapes::None,
        }
    }

    /// Whether a row without a geometry is refused.
    #[must_use]
    pub fn needs_geometry(self) -> bool {
        matches!(self, Self::Venue | Self::Road | Self::BusLine | Self::Grid)
    }
}

/// Turns a field's value as written into the value as stored.
///
/// # Errors
/// A sentence naming the field, the value and what would do.
pub fn store_value(layer: ImportLayer, key: &str, value: &str) -> Result<String, String> {
    match (layer, key) {
        (ImportLayer::Venue, "kind") => known(&VENUE_KINDS, "阵地类别", value),
        (ImportLayer::Road, "class") => known(&ROAD_CLASSES, "道路等级", value),
        (ImportLayer::PartyOrg, "kind") => known(&PARTY_ORG_KINDS, "组织类别", value),
        (ImportLayer::PartyOrg, "form") if !value.is_empty() => known(&PARTY_ORG_FORMS, "组织形式", value),
        (ImportLayer::Responder, "role") => known(&ROLES, "角色", value),
        (ImportLayer::SocialOrg, "registered") => known(&YES_NO, "是否备案", value),
        (_, "capacity") => match value.parse::<f64>() {
            _ if value.is_empty() => Ok(String::new()),
            Ok(n) if n >= 1.0 && n.fract() == 0.0 && n < 1e6 => Ok(format!("{n:.0}")),
            _ => Err(format!("容纳人数“{value}”应为正整数")),
        },
        (_, "speed_kmh") => match value.parse::<f64>() {
            _ if value.is_empty() => Ok(String::new()),
            Ok(n) if n > 0.0 && n <= 200.0 => Ok(n.to_string()),
            _ => Err(format!("限速“{value}”应为 1 到 200 的数")),
        },
        _ => Ok(value.to_owned()),
    }
}

/// The numbers in a cell, digits only; several are divided by `、` `,` `;` or `/`. The country's prefix is dropped, so
/// that a number is found however it was written.
///
/// # Errors
/// A sentence naming the number that is none.
pub fn phones(value: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for part in value.split(['、', ',', ',', ';', ';', '/']).map(str::trim).filter(|p| !p.is_empty()) {
        let mut digits: String = part.chars().filter(char::is_ascii_digit).collect();
        if digits.len() == 13 && digits.starts_with("861") || digits.len() == 15 && digits.starts_with("00861") {
            digits = digits.split_off(digits.len() - 11);
        }
        let written = part.chars().all(|c| c.is_ascii_digit() || " +-()()—转".contains(c));
        if !(written && (7..=15).contains(&digits.len())) {
            return Err(format!("电话“{part}”应为 7 到 15 位数字;一户几个号码用顿号分开"));
        }
        if !found.contains(&digits) {
            found.push(digits);
        }
    }
    Ok(found)
}

fn known(table: &[(&str, &[&str])], label: &str, value: &str) -> Result<String, String> {
    let found = table.iter().find(|(code, words)| *code == value || words.contains(&value));
    found.map(|(code, _)| (*code).to_owned()).ok_or_else(|| {
        let words: Vec<&str> = table.iter().filter_map(|(_, words)| words.first().copied()).collect();
        format!("{label}“{value}”不认识,应为:{}", words.join("、"))
    })
}

static VENUE_KINDS: [(&str, &[&str]); 14] = [
    ("pavilion", &["议事亭"]),
    ("corridor", &["议事长廊"]),
    ("courtyard", &["议事小院"]),
    ("party_centre", &["党群服务中心"]),
    ("civilisation_station", &["新时代文明实践站", "文明实践站"]),
    ("party_courtyard", &["党建小院"]),
    ("judge_station", &["法官驿站"]),
    ("mediation_room", &["调解室"]),
    ("elder_canteen", &["长者食堂"]),
    ("clinic", &["村卫生室", "卫生室"]),
    ("book_room", &["农家书屋"]),
    ("culture_square", &["文化广场"]),
    ("clan_hall", &["宗祠", "民俗活动场所", "宗祠/民俗活动场所"]),
    ("points_shop", &["爱心银行兑换点", "兑换点"]),
];
static ROAD_CLASSES: [(&str, &[&str]); 6] = [
    ("highway", &["高速公路", "高速", "motorway"]),
    ("primary", &["国道", "一级公路", "trunk"]),
    ("secondary", &["省道", "二级公路", "县道", "三级公路"]),
    ("township", &["乡道", "四级公路", "tertiary"]),
    ("village", &["村道", "unclassified", "residential"]),
    ("path", &["小路", "机耕路", "track", "footway"]),
];
static PARTY_ORG_KINDS: [(&str, &[&str]); 5] = [
    ("county_committee", &["县委", "县党委", "县级党委"]),
    ("township_committee", &["乡镇党委", "镇党委", "乡党委", "街道党工委"]),
    ("village_party_org", &["村党组织", "村党支部", "村党总支", "村党委"]),
    ("grid_group", &["网格党小组", "党小组"]),
    ("cluster_committee", &["联村党委"]),
];
static PARTY_ORG_FORMS: [(&str, &[&str]); 4] = [
    ("committee", &["党委", "党工委"]),
    ("general_branch", &["党总支", "总支"]),
    ("branch", &["党支部", "支部"]),
    ("group", &["党小组", "小组"]),
];
static ROLES: [(&str, &[&str]); 10] = [
    ("grid_leader", &["网格长", "网格党小组长", "党小组长"]),
    ("grid_worker", &["网格员", "专职网格员"]),
    ("village_cadre", &["村主干", "村干部"]),
    ("committee_member", &["两委成员", "村两委"]),
    ("party_member", &["党员"]),
    ("villager_representative", &["村民代表"]),
    ("six_officer", &["六大员"]),
    ("seconded_cadre", &["下派干部", "驻村干部"]),
    ("department_staff", &["部门人员"]),
    ("duty_officer", &["值班员"]),
];
static YES_NO: [(&str, &[&str]); 2] = [
    ("true", &["是", "已备案", "1", "有", "yes", "备案", "已登记"]),
    ("false", &["否", "未备案", "0", "无", "no", "未登记", ""]),
];

#[cfg(test)]
mod tests {
    use super::phones;

    #[test]
    fn phones_are_read_however_they_are_written() {
        let read = |text: &str| phones(text).expect(text);
        assert_eq!(read(""), [""; 0]);
        assert_eq!(read("139 0000 1234、0597-6123456/+86 13900001234"), ["13900001234", "05976123456"]);
        assert_eq!(read("(0597)6123456; 0086-13900005678"), ["05976123456", "13900005678"]);
        for bad in ["无", "12345", "1390000123412345678", "13900001234 张三"] {
            assert!(phones(bad).expect_err(bad).contains("7 到 15 位"), "{bad}");
        }
    }
}
