//! Who was responsible on a day, as known at an instant.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::db::{Request, grid_history};
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::incident::facts::calendar;
use crate::service::{ServiceError, Yitu};

/// What to replay.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The county's day; today if left out.
    pub on: Option<NaiveDate>,
    /// As known at; now if left out.
    pub known: Option<DateTime<Utc>>,
}

/// A grid as it was known.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
#[schema(as = GridAsKnown)]
pub struct Replayed {
    pub id: FeatureId,
    pub on: NaiveDate,
    pub known: DateTime<Utc>,
    pub version_id: FeatureId,
    pub name: String,
    pub valid_from: Option<NaiveDate>,
    pub valid_to: Option<NaiveDate>,
    pub recorded_from: Option<DateTime<Utc>>,
    pub recorded_to: Option<DateTime<Utc>>,
    pub group_id: Option<FeatureId>,
    pub group_name: Option<String>,
    #[schema(value_type = Object)]
    pub geometry: Value,
}

/// Replays one grid.
///
/// # Errors
/// `not-found` when nothing was known of it then; a failing database.
pub async fn history(yitu: &Yitu, viewer: &Viewer, id: FeatureId, asked: &Asked) -> Result<Replayed, ServiceError> {
    let now = yitu.clock.now();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let day = match asked.on {
        Some(day) => day,
        None => calendar(&mut on, viewer.county_id(), now).await?.day(now),
    };
    let known = asked.known.unwrap_or(now);
    let row = grid_history::version_on(&mut on, viewer.county_id(), id, day, known).await?;
    on.finish().await?;
    let row = row.ok_or_else(|| Problem::not_found(("当日生效的网格", "grid in force that day:"), id))?;
    Ok(Replayed {
        id,
        on: day,
        known,
        version_id: row.version_id,
        name: row.name,
        valid_from: row.valid_from,
        valid_to: row.valid_to,
        recorded_from: row.recorded_from,
        recorded_to: row.recorded_to,
        group_id: row.org_id,
        group_name: row.org_name,
        geometry: serde_json::from_str(&row.geometry).map_err(|e| ServiceError::Internal(e.to_string()))?,
    })
}
