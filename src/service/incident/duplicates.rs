//! What may be the same matter, reported already: offered before sending, and for merging afterwards.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::check::{Checked, Report, check, check_names};
use super::facts::Facts;
use super::plan::{Planned, plan};
use super::whereabouts::{sigma, sigma_of};
use crate::db::Request;
use crate::db::duplicate::{self, Near, NearRow};
use crate::dispatch::duplicates::{LIKELY, Likeness, Seen, likeness, reach_m};
use crate::domain::incident::{LocationSource, State};
use crate::domain::{FeatureId, Problem, Viewer};
use crate::geo::LonLat;
use crate::geo::measure::metres_per_degree;
use crate::service::{ServiceError, Yitu};

/// Open matters are looked at from so many days back.
const OPEN_DAYS: i64 = 90;
/// Closed ones as long after they were closed.
const CLOSED_DAYS: i64 = 7;
/// At most so many are offered.
const MOST: usize = 10;

/// A matter that is likely the same.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct LikelyDuplicate {
    pub id: Uuid,
    pub number: i64,
    pub category: String,
    pub category_name: String,
    pub state: String,
    /// How far apart, metres.
    pub distance_m: f64,
    /// How long apart the two were reported.
    pub minutes: i64,
    /// 0.6 to 1.
    pub score: f64,
    /// What it is, in Chinese.
    pub sentence: String,
}

/// What may be the same matter.
#[derive(Debug, Serialize, ToSchema)]
pub struct Duplicates {
    /// The most likely first; ten at most.
    pub likely_duplicates: Vec<LikelyDuplicate>,
}

/// For a report that is not sent yet.
///
/// # Errors
/// The same problems a report meets.
pub async fn of_report(yitu: &Yitu, viewer: &Viewer, report: Report) -> Result<Duplicates, ServiceError> {
    let now = yitu.clock.now().trunc_subsecs(6);
    check_names(viewer, &report)?;
    let checked = check(report, now)?;
    let mut facts = Facts::new(yitu, viewer, now);
    let planned = plan(&mut facts, &checked).await?;
    let likely_duplicates = likely(facts.on().await?, viewer.county_id(), &checked, &planned, now).await?;
    Ok(Duplicates { likely_duplicates })
}

/// For an incident.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn of_incident(yitu: &Yitu, viewer: &Viewer, id: Uuid) -> Result<Duplicates, ServiceError> {
    let (county, now) = (viewer.county_id(), yitu.clock.now());
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let row = duplicate::find(&mut on, county, id).await?;
    let row = row.ok_or_else(|| Problem::not_found(("事件", "incident"), id))?;
    let likely_duplicates = match seen(&row) {
        Some(subject) if !row.restricted => look(&mut on, county, id, &subject, now).await?,
        _ => Vec::new(),
    };
    on.finish().await?;
    Ok(Duplicates { likely_duplicates })
}

/// What may be the same matter as a report that was planned. None is looked for where the matter is restricted, or its
/// place is known from words only.
///
/// # Errors
/// When the database fails.
pub async fn likely(
    on: &mut Request,
    county: FeatureId,
    checked: &Checked,
    planned: &Planned,
    now: DateTime<Utc>,
) -> Result<Vec<LikelyDuplicate>, ServiceError> {
    let Some(point) = planned.point.filter(|_| !planned.category.restricted) else { return Ok(Vec::new()) };
    let location = &checked.report.location;
    // The head is the database's to say: candidates come with it, and share it with the report.
    let subject = Seen {
        point,
        sigma: sigma(location),
        at: checked.reported_at,
        category_id: planned.category.id,
        head_id: None,
        text: checked.report.description.clone(),
    };
    look(on, county, checked.report.id, &subject, now).await
}

async fn look(
    on: &mut Request,
    county: FeatureId,
    except: Uuid,
    subject: &Seen,
    now: DateTime<Utc>,
) -> Result<Vec<LikelyDuplicate>, ServiceError> {
    let (x_m, y_m) = metres_per_degree(subject.point.lat());
    let reach = reach_m(subject.sigma);
    let (lon, lat, dx, dy) = (subject.point.lon(), subject.point.lat(), reach / x_m, reach / y_m);
    let near = Near {
        bounds: [lon - dx, lat - dy, lon + dx, lat + dy],
        category_id: subject.category_id,
        since: now - Duration::days(OPEN_DAYS),
        closed_since: now - Duration::days(CLOSED_DAYS),
        except,
    };
    let rows = duplicate::near(on, county, &near).await?;
    let mut found: Vec<LikelyDuplicate> = rows.iter().filter_map(|row| offered(row, subject)).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| b.number.cmp(&a.number)));
    found.truncate(MOST);
    Ok(found)
}

fn offered(row: &NearRow, subject: &Seen) -> Option<LikelyDuplicate> {
    let other = seen(row)?;
    // All candidates share the report's head.
    let subject = Seen { head_id: Some(other.head_id.unwrap_or(other.category_id)), ..subject.clone() };
    let likeness = likeness(&subject, &other).filter(|l| l.score >= LIKELY)?;
    Some(LikelyDuplicate {
        id: row.id,
        number: row.number,
        category: row.category.clone(),
        category_name: row.category_name.clone(),
        state: row.state.clone(),
        distance_m: (likeness.distance_m * 10.0).round() / 10.0,
        minutes: likeness.minutes,
        score: (likeness.score * 100.0).round() / 100.0,
        sentence: sentence(row, &likeness),
    })
}

fn seen(row: &NearRow) -> Option<Seen> {
    Some(Seen {
        point: LonLat::new(row.lon?, row.lat?).ok()?,
        sigma: row
            .accuracy_m
            .filter(|_| row.location_source == LocationSource::Gps.code())
            .and_then(|a| sigma_of(a, row.confidence)),
        at: row.reported_at,
        category_id: row.category_id,
        head_id: row.head_id,
        text: row.description.clone(),
    })
}

fn sentence(row: &NearRow, likeness: &Likeness) -> String {
    let village = row.village_name.as_deref().unwrap_or("本县");
    let state = State::from_code(&row.state).map_or("状态不明", State::zh);
    let apart = match likeness.minutes {
        m if m < 60 => format!("{m} 分钟"),
        m if m < 48 * 60 => format!("{} 小时", m / 60),
        m => format!("{} 天", m / (24 * 60)),
    };
    format!(
        "第 {} 号“{}”({village},{state})相距约 {:.0} 米、相隔 {apart},可能是同一件事。",
        row.number, row.category_name, likeness.distance_m
    )
}
