//! Part 4: features written one at a time, each in one transaction under the asker's rights.
//!
//! A writer says which state it has seen (`If-Match`); the row is locked before that is compared, so of two
//! writers with the same tag exactly one wins.

pub mod ground;
mod patch;
pub mod shape;
pub mod tables;
pub mod values;

use std::time::Duration;

use chrono::NaiveDate;
use serde_json::{Map, Value};

use super::{Item, item_in};
use crate::db::edit::{self, Row};
use crate::db::{DbError, Refusal, Request};
use crate::domain::{FeatureId, Layer, LogPosition, Problem, ProblemKind, Viewer};
use crate::geo::ewkb;
use crate::service::incident::facts::calendar;
use crate::service::incident::retried;
use crate::service::{ServiceError, Yitu};
use ground::When;
use patch::merged;
use tables::{Absent, Follows, Table};
use values::Ready;

/// How far a line or an area may reach out of the county's box, degrees: roads and rivers go on.
const REACH_DEGREES: f64 = 0.2;
/// How long an answer waits for the map to show the write, so that the writer's next question sees it.
const SETTLE: Duration = Duration::from_secs(2);

/// The state a writer has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is (`*`).
    Any,
    /// One of these.
    Tags(Vec<String>),
}

impl Expected {
    /// Reads `If-Match` (RFC 9110 §13.1.1): compared strongly, so weak tags never match. What a form of the
    /// answer adds to an item's tag (`-4490`, `-html`) does not matter here.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        let heart = |t: &str| {
            let tag = t.trim().strip_prefix('"')?.strip_suffix('"')?;
            let mut parts = tag.splitn(3, '-');
            Some(format!("{}-{}", parts.next()?, parts.next()?))
        };
        Self::Tags(header.split(',').filter_map(heart).collect())
    }

    fn admits(&self, item: &Item) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.contains(&item.tag),
        }
    }
}

/// What is sent for an item.
#[derive(Debug, Clone)]
pub enum Change {
    /// The whole feature, in place of what is stored (PUT).
    Whole(Value),
    /// Only what differs (PATCH, RFC 7396).
    Merge(Value),
}

/// A write that is committed.
#[derive(Debug)]
pub struct Written {
    /// Which item.
    pub id: FeatureId,
    /// As it is now; nothing when it was removed.
    pub item: Option<Item>,
    /// Where it stands in the change log.
    pub seq: LogPosition,
}

/// Adds a feature.
///
/// # Errors
/// A problem that names what is at fault, or the way out where the layer is written elsewhere; `not-in-your-area`.
pub async fn create(
    yitu: &Yitu,
    viewer: &Viewer,
    layer: Layer,
    body: &Value,
    lat_first: bool,
) -> Result<Written, ServiceError> {
    let table = whole_rows(layer)?;
    let (geometry, properties) = parts(body, None)?;
    let ready = checked(yitu, layer, table, properties, None)?;
    let geometry = Some(stored(geometry, table, lat_first)?);
    let work = || async {
        let mut on = Request::begin(&yitu.db.request, viewer).await?;
        let row = complete(yitu, &mut on, viewer.county_id(), table, &ready, geometry.clone(), None).await?;
        let id = edit::insert(&mut on, layer.name(), viewer.county_id(), row).await?;
        ground::check(yitu, viewer, &mut on, (layer, table, id), When::After).await?;
        let item = item_in(&mut on, viewer, layer, id).await?;
        Ok(Written { id, item: Some(item), seq: on.commit().await? })
    };
    settled(yitu, layer, retried(work).await).await
}

/// Replaces or changes a feature.
///
/// # Errors
/// `stale-version` when it is not in the state the writer has seen, others as [`create`].
pub async fn change(
    yitu: &Yitu,
    viewer: &Viewer,
    (layer, id): (Layer, FeatureId),
    expected: Option<&Expected>,
    change: &Change,
    lat_first: bool,
) -> Result<Written, ServiceError> {
    let table = tables::table(layer)?;
    let expected = expected.ok_or_else(version_required)?;
    let work = || async {
        let mut on = Request::begin(&yitu.db.request, viewer).await?;
        let before = locked(&mut on, viewer, layer, id, expected).await?;
        ground::check(yitu, viewer, &mut on, (layer, table, id), When::Before).await?;
        let now = &before.feature;
        let now_geometry = if lat_first { shape::turned(&now["geometry"]) } else { now["geometry"].clone() };
        let body = match change {
            Change::Whole(body) => body.clone(),
            Change::Merge(patch) => merged(now, &now_geometry, patch)?,
        };
        let (geometry, properties) = parts(&body, Some(id))?;
        let ready = checked(yitu, layer, table, properties, now["properties"].as_object())?;
        let geometry = if *geometry == now_geometry { None } else { Some(stored(geometry, table, lat_first)?) };
        let row = complete(yitu, &mut on, viewer.county_id(), table, &ready, geometry, Some(now)).await?;
        if layer == Layer::Household {
            ground::check_household(yitu, viewer, id, &row, now)?;
        }
        edit::update(&mut on, layer.name(), id, row).await?;
        ground::check(yitu, viewer, &mut on, (layer, table, id), When::After).await?;
        let item = item_in(&mut on, viewer, layer, id).await?;
        Ok(Written { id, item: Some(item), seq: on.commit().await? })
    };
    settled(yitu, layer, retried(work).await).await
}

/// Removes a feature.
///
/// # Errors
/// As [`change`]; `still-referred-to` when others need it.
pub async fn remove(
    yitu: &Yitu,
    viewer: &Viewer,
    (layer, id): (Layer, FeatureId),
    expected: Option<&Expected>,
) -> Result<Written, ServiceError> {
    let table = whole_rows(layer)?;
    let expected = expected.ok_or_else(version_required)?;
    let work = || async {
        let mut on = Request::begin(&yitu.db.request, viewer).await?;
        locked(&mut on, viewer, layer, id, expected).await?;
        ground::check(yitu, viewer, &mut on, (layer, table, id), When::Before).await?;
        edit::delete(&mut on, layer.name(), id).await?;
        Ok(Written { id, item: None, seq: on.commit().await? })
    };
    settled(yitu, layer, retried(work).await).await
}

/// Whether features of a layer are added and removed here.
///
/// # Errors
/// The problem that names the way out.
pub fn created_here(layer: Layer) -> Result<(), Problem> {
    whole_rows(layer).map(|_| ())
}

fn whole_rows(layer: Layer) -> Result<&'static Table, Problem> {
    let table = tables::table(layer)?;
    match table.only_changed {
        None => Ok(table),
        Some((zh, en)) => Err(Problem::new(
            ProblemKind::NotAllowed,
            "not-edited-here",
            ("不在此处增减", "Not added or removed here"),
            (zh.to_owned(), en.to_owned()),
        )),
    }
}

/// Waits until the map shows it; tells a refusal of the schema as a problem.
async fn settled(yitu: &Yitu, layer: Layer, done: Result<Written, ServiceError>) -> Result<Written, ServiceError> {
    let written = done.map_err(|e| refused(layer, e))?;
    // A map that lags is no failure of the write.
    yitu.atlas.wait_for(written.seq, SETTLE).await;
    Ok(written)
}

/// The item, locked until the transaction ends and in the state the writer has seen.
async fn locked(
    on: &mut Request,
    viewer: &Viewer,
    layer: Layer,
    id: FeatureId,
    expected: &Expected,
) -> Result<Item, ServiceError> {
    if !edit::lock(on, layer.name(), id).await? {
        return Err(Problem::not_found((layer.title(), layer.name()), id).into());
    }
    let item = item_in(on, viewer, layer, id).await?;
    if expected.admits(&item) {
        return Ok(item);
    }
    Err(Problem::new(
        ProblemKind::Stale,
        "stale-version",
        ("要素已有变化", "The feature has moved on"),
        (
            format!("您看到的不是现在的第 {} 版。请重新读取,核对后再改。", item.version),
            format!("What you saw is not the present version {}. Read it again, compare, and try again.", item.version),
        ),
    )
    .with_extra("version", item.version)
    .with_extra("etag", format!("\"{}\"", item.tag))
    .into())
}

fn version_required() -> Problem {
    Problem::new(
        ProblemKind::VersionRequired,
        "version-required",
        ("需要 If-Match", "If-Match is needed"),
        (
            "请先 GET 该要素,把答复的 ETag 放进 If-Match 请求头,以免覆盖他人的修改。".to_owned(),
            "GET the feature first and send its ETag as If-Match, so that nobody's change is lost.".to_owned(),
        ),
    )
}

/// The geometry and the properties of a `GeoJSON` feature.
fn parts(body: &Value, id: Option<FeatureId>) -> Result<(&Value, &Map<String, Value>), Problem> {
    if body.get("type").and_then(Value::as_str) != Some("Feature") {
        return Err(Problem::bad_field(
            "/type",
            "请求体应为一个 GeoJSON 要素:type 为 Feature。",
            "The body must be one GeoJSON feature: its type is Feature.",
        ));
    }
    if body.get("crs").is_some() {
        return Err(Problem::bad_field(
            "/crs",
            "坐标系不写在 GeoJSON 里(RFC 7946);请用 Content-Crs 请求头。",
            "GeoJSON no longer names its system (RFC 7946); use the header Content-Crs.",
        ));
    }
    if let (Some(id), Some(given)) = (id, body.get("id"))
        && given.as_i64() != Some(id)
        && given.as_str() != Some(id.to_string().as_str())
    {
        return Err(Problem::bad_field(
            "/id",
            format!("id = {given} 与地址中的 {id} 不符。"),
            format!("id = {given} is not the {id} of the address."),
        ));
    }
    let geometry = body.get("geometry").filter(|g| g.is_object() || g.is_null()).ok_or_else(|| {
        Problem::bad_field(
            "/geometry",
            "缺少 geometry;没有图形时写 null。",
            "geometry is missing; it is null where there is none.",
        )
    })?;
    let properties = body
        .get("properties")
        .and_then(Value::as_object)
        .ok_or_else(|| Problem::bad_field("/properties", "properties 应为对象。", "properties must be an object."))?;
    Ok((geometry, properties))
}

fn checked(
    yitu: &Yitu,
    layer: Layer,
    table: &Table,
    given: &Map<String, Value>,
    current: Option<&Map<String, Value>>,
) -> Result<Ready, Problem> {
    let store = yitu.atlas.layer(layer);
    values::check(layer, table, store.schema(), given, current)
}

/// The bytes a geometry is stored as.
fn stored(geometry: &Value, table: &Table, lat_first: bool) -> Result<Option<Vec<u8>>, ServiceError> {
    if geometry.is_null() && (!table.placed || table.shapes.is_empty()) {
        return Ok(None);
    }
    let geometry = shape::geometry(geometry, table.shapes, lat_first)?;
    let bytes = ewkb::encode(&geometry).map_err(DbError::from)?;
    Ok(Some(bytes))
}

/// The row as it is to be: references looked up, the geometry checked, and what follows from it found.
#[allow(clippy::option_option)] // left as it is, taken away, or put
async fn complete(
    yitu: &Yitu,
    on: &mut Request,
    county: FeatureId,
    table: &Table,
    ready: &Ready,
    geometry: Option<Option<Vec<u8>>>,
    now: Option<&Value>,
) -> Result<Row, ServiceError> {
    for r in &ready.references {
        if !edit::exists(on, r.layer, r.id, r.level).await? {
            return Err(Problem::bad_field(
                values::pointer(r.column.property),
                format!("{}({})= {} 不存在,请核对编号。", r.column.label, r.column.property, r.id),
                format!("{} = {} does not exist; check the id.", r.column.property, r.id),
            )
            .into());
        }
    }
    let bytes = geometry.as_ref().and_then(Option::as_deref);
    if let Some(bytes) = bytes {
        if let Some((reason, lon, lat)) = edit::invalid(on, bytes).await? {
            return Err(shape::invalid(&reason, lon.zip(lat)).into());
        }
        if let Some(metres) = edit::metres_outside(on, county, bytes, REACH_DEGREES).await? {
            return Err(shape::outside(metres).into());
        }
    }
    let mut values = ready.values.clone();
    match table.follows {
        Follows::Nothing => {}
        Follows::Region(column) => follow_region(on, county, column, &mut values, bytes, now).await?,
        Follows::Grid => {
            let day = calendar(on, county, yitu.clock.now()).await?.day(yitu.clock.now());
            follow_grid(on, day, &mut values, geometry.as_ref(), now).await?;
        }
        Follows::Nodes => {
            if let Some(bytes) = bytes {
                let (from, to) = edit::road_nodes(on, bytes).await?;
                values.insert("from_node".to_owned(), from.into());
                values.insert("to_node".to_owned(), to.into());
            }
        }
    }
    if let Some(missing) = table
        .columns
        .iter()
        .find(|c| now.is_none() && matches!(c.absent, Absent::Found) && values.get(c.column).is_none_or(Value::is_null))
    {
        return Err(Problem::bad_field(
            values::pointer(missing.property),
            format!("图形不在任何村内,请写明{}({})。", missing.label, missing.property),
            format!("The geometry lies in no village; give {}.", missing.property),
        )
        .into());
    }
    // Tables without a geometry have no column for one.
    let geometry = if table.shapes.is_empty() { None } else { geometry };
    Ok(Row { values, geometry })
}

/// The village goes with the place unless the writer changes it: editors send back whatever was stored.
async fn follow_region(
    on: &mut Request,
    county: FeatureId,
    column: &str,
    values: &mut Map<String, Value>,
    moved_to: Option<&[u8]>,
    now: Option<&Value>,
) -> Result<(), ServiceError> {
    let stored = now.map_or(&Value::Null, |n| &n["properties"][column]);
    let chosen = values.get(column).is_some_and(|v| v != stored);
    if let (Some(bytes), false) = (moved_to, chosen)
        && let Some(village) = edit::village_of(on, county, bytes).await?
    {
        values.insert(column.to_owned(), village.into());
    }
    Ok(())
}

/// A household's grid comes from its door, and from the register where there is none or it lies in no grid.
async fn follow_grid(
    on: &mut Request,
    day: NaiveDate,
    values: &mut Map<String, Value>,
    geometry: Option<&Option<Vec<u8>>>,
    now: Option<&Value>,
) -> Result<(), ServiceError> {
    let register = values.get("register_grid_id").cloned().unwrap_or_default();
    let kept = now.map_or(&Value::Null, |n| &n["properties"]);
    let by_point = match geometry {
        Some(Some(bytes)) => edit::general_grid_at(on, day, bytes).await?.map(Value::from),
        None if kept["grid_source"] == "point" => Some(kept["grid_id"].clone()),
        _ => None,
    };
    let (grid, source) = match by_point {
        Some(grid) => (grid, "point"),
        None if register.is_null() => (if geometry.is_some() { Value::Null } else { kept["grid_id"].clone() }, "point"),
        None => (register, "register"),
    };
    values.insert("grid_id".to_owned(), grid);
    values.insert("grid_source".to_owned(), source.into());
    Ok(())
}

/// What the schema refused, told to the writer.
fn refused(layer: Layer, error: ServiceError) -> ServiceError {
    let ServiceError::Db(inside) = &error else { return error };
    let (slug, zh, en) = match inside.refusal() {
        None => return error,
        Some(Refusal::Reference(table)) => (
            "still-referred-to",
            format!("{}还被 {table} 引用,或引用的要素刚被删除。请先处理引用它的记录。", layer.title()),
            format!("{table} still refers to this {layer}, or what it refers to has just gone. See to those first."),
        ),
        Some(Refusal::Duplicate(rule)) => (
            "duplicate",
            format!("已有相同的{}(规则 {rule})。请改用另一个名称或编号。", layer.title()),
            format!("There is such a {layer} already (rule {rule}). Choose another name or number."),
        ),
        Some(Refusal::Rule(rule)) => (
            "against-a-rule",
            format!("{}不合规则 {rule},没有写入。请核对各项取值之间的关系。", layer.title()),
            format!("The {layer} breaks the rule {rule} and was not written. Check how its values go together."),
        ),
        Some(Refusal::Value) => (
            "value-not-held",
            "有的值超出可存的范围,没有写入。请核对各项取值。".to_owned(),
            "A value is beyond what can be stored; nothing was written. Check the values.".to_owned(),
        ),
    };
    Problem::new(ProblemKind::Conflict, slug, ("与现有数据冲突", "In conflict with the data"), (zh, en)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_read_strongly() {
        assert_eq!(Expected::parse(" * "), Expected::Any);
        let tags = Expected::parse("\"3-00ff\", W/\"4-00ff\", \"5-00ff-4490\", junk");
        assert_eq!(tags, Expected::Tags(vec!["3-00ff".to_owned(), "5-00ff".to_owned()]));
    }
}
