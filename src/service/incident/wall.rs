//! Matters as a wall shows them, for everybody in the room to read: what, in which village, in which state, since when.

use chrono::{DateTime, Utc};
use geo::Coord;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::list::{self, Asked};
use crate::db::incident::IncidentRow;
use crate::domain::{FeatureId, Layer, Viewer};
use crate::service::spatial::point_of;
use crate::service::{ServiceError, Yitu};

/// What a wall lists. Nothing that would tell by trial what the wall is not told.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WallAsked {
    /// State codes, separated by commas; `open` stands for all that are not ended.
    pub state: Option<String>,
    /// A region with all below it.
    pub region: Option<i64>,
    /// Past its next deadline, or not.
    pub overdue: Option<bool>,
    /// At most so many; 50 unless said, up to 1000.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// The village a matter lies in.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct WallVillage {
    pub id: FeatureId,
    pub name: String,
    /// A point inside the village, degrees: not that of the matter.
    pub lon: Option<f64>,
    pub lat: Option<f64>,
}

/// A matter as a wall shows it.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct WallIncident {
    pub id: Uuid,
    pub category: String,
    pub category_name: String,
    pub village: Option<WallVillage>,
    pub state: String,
    pub reported_at: DateTime<Utc>,
    pub next_deadline_at: Option<DateTime<Utc>>,
    pub overdue: bool,
}

/// A page of what a wall shows, the newest report first.
#[derive(Debug, Serialize, ToSchema)]
pub struct WallPage {
    /// The matters.
    pub items: Vec<WallIncident>,
    /// Cursor of the next page; null on the last.
    pub next: Option<String>,
    /// How many there are on all pages.
    pub number_matched: i64,
}

/// Lists matters that are not restricted, with no more of each than a wall may show.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn wall(yitu: &Yitu, viewer: &Viewer, asked: WallAsked) -> Result<WallPage, ServiceError> {
    let WallAsked { state, region, overdue, limit, cursor } = asked;
    let asked = Asked { state, region, overdue, limit, cursor, ..Asked::default() };
    let found = list::rows(yitu, viewer, asked).await?;
    let items = found.rows.into_iter().map(|row| of(yitu, row, found.at)).collect();
    Ok(WallPage { items, next: found.next, number_matched: found.number_matched })
}

fn of(yitu: &Yitu, row: IncidentRow, now: DateTime<Utc>) -> WallIncident {
    let overdue = row.is_overdue(now);
    let village = row.village_id.zip(row.village_name).map(|(id, name)| {
        let at = middle(yitu, id);
        WallVillage { id, name, lon: at.map(|c| c.x), lat: at.map(|c| c.y) }
    });
    WallIncident {
        id: row.id,
        category: row.category,
        category_name: row.category_name,
        village,
        state: row.state,
        reported_at: row.reported_at,
        next_deadline_at: row.next_deadline_at,
        overdue,
    }
}

/// A point inside a village that stands for all of it.
#[must_use]
pub fn middle(yitu: &Yitu, village: FeatureId) -> Option<Coord<f64>> {
    yitu.atlas.layer(Layer::Region).get(village)?.geometry.as_ref().and_then(point_of)
}
