//! A report as it comes in, and what may be wrong with its form.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::operations::{Need, may};
use crate::domain::incident::{LocationSource, Urgency};
use crate::domain::seal::is_reference;
use crate::domain::{Problem, ProblemKind, Viewer};
use crate::geo::{Crs, LonLat, LonLatError};

/// Longest description, characters.
pub const DESCRIPTION_LIMIT: usize = 4000;
/// Longest location text and note, characters.
pub const TEXT_LIMIT: usize = 1000;
/// How far a client's clock may run ahead.
const AHEAD: Duration = Duration::minutes(10);

/// What a client sends to report something.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Report {
    /// Made by the client, at random: a retry is the same incident. Version 8 is for matters of other systems.
    pub id: Uuid,
    /// Code of the category.
    pub category: String,
    /// What happened; up to 4000 characters.
    #[serde(default)]
    pub description: String,
    /// Ordinary unless said otherwise.
    #[serde(default = "ordinary")]
    pub urgency: Urgency,
    /// Where.
    pub location: Location,
    /// The client's clock; now if left out.
    #[serde(default)]
    pub reported_at: Option<DateTime<Utc>>,
    /// Who reports: an object such as `{"kind": "grid_worker"}`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub reporter: Option<Value>,
    /// 即办即结: already dealt with; the incident is closed as it is reported.
    #[serde(default)]
    pub resolve_on_spot: Option<OnSpot>,
    /// 转外县: the place is outside the county, and so is who it was handed to; the incident is closed as it is recorded.
    #[serde(default)]
    pub transferred_to: Option<String>,
    /// Its number in the system it comes from; the same number is the same incident. From whoever takes over such matters.
    #[serde(default)]
    pub external: Option<External>,
}

/// What another system calls an incident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct External {
    /// The system, such as `12345`; up to 64 characters.
    pub system: String,
    /// Its number there; up to 128 characters.
    pub no: String,
}

/// What was done on the spot.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct OnSpot {
    /// What was done.
    #[serde(default)]
    pub note: String,
}

/// Where something is.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Location {
    /// How the place is known.
    pub source: LocationSource,
    /// Degrees east.
    #[serde(default)]
    pub lon: Option<f64>,
    /// Degrees north.
    #[serde(default)]
    pub lat: Option<f64>,
    /// Of lon and lat.
    #[serde(default)]
    pub crs: Crs,
    /// Radius of the fix, metres.
    #[serde(default)]
    pub accuracy_m: Option<f64>,
    /// How often the true place is within the radius: 0.68 as phones' systems give it, 0.95 as browsers do.
    #[serde(default)]
    pub confidence: Option<f64>,
    /// A chosen household.
    #[serde(default)]
    pub household_id: Option<i64>,
    /// The place in words.
    #[serde(default)]
    pub text: Option<String>,
}

fn ordinary() -> Urgency {
    Urgency::Ordinary
}

/// A report in good form, its position in EPSG:4490.
#[derive(Debug, Clone)]
pub struct Checked {
    /// As sent.
    pub report: Report,
    /// Where, when given by coordinates.
    pub point: Option<LonLat>,
    /// Words about the place, trimmed.
    pub text: String,
    /// The client's clock.
    pub reported_at: DateTime<Utc>,
}

/// Checks the form of a report; the first fault is told.
///
/// # Errors
/// The fault, naming its field.
pub fn check(mut report: Report, now: DateTime<Utc>) -> Result<Checked, Problem> {
    check_text("/category", &report.category, 64)?;
    check_text("/description", &report.description, DESCRIPTION_LIMIT)?;
    let text = report.location.text.as_deref().unwrap_or_default().trim().to_owned();
    check_text("/location/text", &text, TEXT_LIMIT)?;
    if let Some(done) = &report.resolve_on_spot {
        check_text("/resolve_on_spot/note", &done.note, TEXT_LIMIT)?;
    }
    check_reporter(report.reporter.as_ref())?;
    check_external(report.external.as_ref())?;
    let reported_at = report.reported_at.unwrap_or(now);
    check_instant(reported_at, now)?;
    let point = check_location(&report.location, &text)?;
    if let Some(to) = report.transferred_to.take() {
        report.transferred_to = Some(check_transfer(&mut report, to.trim(), point.is_some())?);
    }
    if report.resolve_on_spot.is_some() && report.location.source == LocationSource::Text {
        return Err(Problem::bad_field(
            "/resolve_on_spot",
            "即办即结需要确定的位置:请定位、在图上点选或选择住户",
            "Resolving on the spot needs a known place: a fix, a point on the map or a household",
        ));
    }
    Ok(Checked { report, point, text, reported_at })
}

/// Who it was handed to stands in the note that closes it.
fn check_transfer(report: &mut Report, to: &str, has_point: bool) -> Result<String, Problem> {
    check_text("/transferred_to", to, 100)?;
    if to.is_empty() || !has_point {
        return Err(Problem::bad_field(
            "/transferred_to",
            "转外县要写明转给谁,并给出县外的坐标",
            "A transfer to another county says who took it and gives a position outside this one",
        ));
    }
    let note = report.resolve_on_spot.take().map_or_else(String::new, |done| done.note);
    report.resolve_on_spot = Some(OnSpot { note: format!("转外县:{to}。{note}") });
    Ok(to.to_owned())
}

/// Checks who acts, where it is not the caller: a name, and not what the history takes for a reference.
///
/// # Errors
/// The fault, naming the field.
pub fn check_actor(actor: Option<&str>) -> Result<Option<&str>, Problem> {
    let actor = actor.map(str::trim).filter(|a| !a.is_empty());
    let Some(name) = actor else { return Ok(None) };
    check_text("/actor", name, 100)?;
    if is_reference(name) {
        return Err(Problem::bad_field(
            "/actor",
            format!("“{name}”不是姓名,请填写姓名"),
            format!("{name:?} is not a name; give a name"),
        ));
    }
    Ok(actor)
}

/// Checks a text's length, and that it holds no NUL, which the database cannot keep.
///
/// # Errors
/// The fault, naming the field.
pub fn check_text(pointer: &str, text: &str, limit: usize) -> Result<(), Problem> {
    let length = text.chars().count();
    if length > limit {
        return Err(Problem::bad_field(
            pointer,
            format!("文字有 {length} 字,最多 {limit} 字,请精简"),
            format!("The text has {length} characters; at most {limit} are kept"),
        ));
    }
    if text.contains('\0') {
        return Err(Problem::bad_field(
            pointer,
            "文字里有不可见的空字符(U+0000),请删去",
            "The text holds a NUL character; remove it",
        ));
    }
    Ok(())
}

/// Checks a name that must not be empty.
///
/// # Errors
/// The fault, naming the field.
pub fn check_name(pointer: &str, text: &str, limit: usize) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(Problem::bad_field(
            pointer,
            format!("{pointer} 不能为空,请填写"),
            format!("{pointer} is empty; fill it in"),
        ));
    }
    check_text(pointer, text, limit)
}

/// Checks the number in another system.
///
/// # Errors
/// The fault, naming the field.
pub fn check_external(external: Option<&External>) -> Result<(), Problem> {
    let Some(External { system, no }) = external else { return Ok(()) };
    check_name("/external/system", system, 64)?;
    check_name("/external/no", no, 128)
}

/// Checks that whoever names a matter as another system does takes over its matters. Anybody else could take a number
/// before its matter comes, and would learn which numbers are there. Ids of version 8 follow from such numbers.
///
/// # Errors
/// The field that is not for them.
pub fn check_names(viewer: &Viewer, report: &Report) -> Result<(), Problem> {
    if may(viewer.role(), Need::Exchange) {
        return Ok(());
    }
    if let Some(External { system, no }) = &report.external {
        return Err(Problem::bad_field(
            "/external",
            format!("外部编号(“{system}”的 {no} 号)由值班员登记或从外部系统接收,请去掉 external 再上报"),
            format!(
                "The number {no:?} of {system:?} is taken from the duty officer or the other system; report without external"
            ),
        ));
    }
    if report.id.get_version_num() == 8 {
        return Err(Problem::bad_field(
            "/id",
            format!("编号 {} 是第 8 版 UUID,留给从外部系统接收的事件;请改用随机编号(第 4 版)", report.id),
            format!(
                "The id {} is of version 8, kept for matters of other systems; make a random one (version 4)",
                report.id
            ),
        ));
    }
    Ok(())
}

fn check_reporter(reporter: Option<&Value>) -> Result<(), Problem> {
    let Some(value) = reporter else { return Ok(()) };
    let text = value.to_string();
    if !(value.is_object() || value.is_null()) || text.len() > 2000 || text.contains("\\u0000") {
        return Err(Problem::bad_field(
            "/reporter",
            "报告人应是一个不超过 2000 字节的 JSON 对象,如 {\"kind\": \"grid_worker\"}",
            "The reporter is a JSON object of at most 2000 bytes, such as {\"kind\": \"grid_worker\"}",
        ));
    }
    Ok(())
}

fn check_instant(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Problem> {
    if at > now + AHEAD {
        return Err(Problem::bad_field(
            "/reported_at",
            format!("上报时间 {} 晚于服务器时间 {} 十分钟以上,请校准设备时间", at.to_rfc3339(), now.to_rfc3339()),
            format!(
                "{} is more than ten minutes ahead of the server's {}; set the device's clock",
                at.to_rfc3339(),
                now.to_rfc3339()
            ),
        ));
    }
    if at < DateTime::<Utc>::UNIX_EPOCH {
        return Err(Problem::bad_field(
            "/reported_at",
            "上报时间早于 1970 年,请核对",
            "The time is before 1970; check it",
        ));
    }
    Ok(())
}

/// Checks the form of a place; answers its point in EPSG:4490 where it is given by coordinates.
///
/// # Errors
/// The fault, naming its field.
pub fn check_location(l: &Location, text: &str) -> Result<Option<LonLat>, Problem> {
    if l.accuracy_m.is_some_and(|a| !a.is_finite() || a < 0.0) {
        return Err(Problem::bad_field(
            "/location/accuracy_m",
            "定位精度应是不小于 0 的米数",
            "The accuracy is a number of metres, 0 or more",
        ));
    }
    if l.confidence.is_some_and(|c| !(c > 0.0 && c < 1.0)) {
        return Err(Problem::bad_field(
            "/location/confidence",
            "置信度应大于 0、小于 1,如 0.68",
            "The confidence lies between 0 and 1, such as 0.68",
        ));
    }
    let point = match (l.lon, l.lat) {
        (Some(lon), Some(lat)) => Some(position(lon, lat, l.crs)?),
        (None, None) => None,
        (None, _) => return Err(Problem::bad_field("/location/lon", "缺少经度 lon", "lon is missing")),
        (_, None) => return Err(Problem::bad_field("/location/lat", "缺少纬度 lat", "lat is missing")),
    };
    match l.source {
        LocationSource::Gps | LocationSource::Map if point.is_none() => {
            Err(Problem::bad_field("/location/lon", "该定位方式需要经纬度 lon、lat", "This source needs lon and lat"))
        }
        LocationSource::Household if l.household_id.is_none() => Err(Problem::bad_field(
            "/location/household_id",
            "请给出所选住户的编号 household_id",
            "household_id names the chosen household",
        )),
        LocationSource::Text if text.is_empty() => Err(Problem::bad_field(
            "/location/text",
            "请用文字写明地点,如“岭下村第三组”",
            "Say the place in words, as a village and group",
        )),
        LocationSource::Gps | LocationSource::Map => Ok(point),
        // A household's own door and bare words are not moved by coordinates sent beside them.
        LocationSource::Household | LocationSource::Text => Ok(None),
    }
}

fn position(lon: f64, lat: f64, crs: Crs) -> Result<LonLat, Problem> {
    // Checked before the conversion too, which would turn swapped axes into nonsense.
    let checked = LonLat::new(lon, lat).and_then(|p| {
        let (lon, lat) = crs.to_cgcs2000(p.lon(), p.lat());
        LonLat::new(lon, lat)
    });
    checked.map_err(|e| match e {
        LonLatError::NotFinite { axis } => Problem::bad_field(
            format!("/location/{axis}"),
            format!("{axis} 不是有效的数"),
            format!("{axis} is not a finite number"),
        ),
        LonLatError::OutOfRange { axis, value } => Problem::bad_field(
            format!("/location/{axis}"),
            format!("{axis} = {value} 超出范围(经度 -180~180,纬度 -90~90)"),
            format!("{axis} = {value} is out of range (lon -180 to 180, lat -90 to 90)"),
        ),
        LonLatError::LooksSwapped { lon, lat } => Problem {
            kind: ProblemKind::Malformed,
            slug: "looks-swapped",
            ..Problem::bad_field(
                "/location/lon",
                format!("经纬度像是写反了:lon = {lon},lat = {lat}。请把两者对调"),
                format!("lon {lon} and lat {lat} look swapped; exchange them"),
            )
        },
    })
}
