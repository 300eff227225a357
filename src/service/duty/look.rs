//! Look: how much waits on each list, and the lists themselves.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::db::duty::{self, Cut};
use crate::db::incident::IncidentRow;
use crate::db::{Request, assignment};
use crate::domain::duty::DutyList;
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::incident::list::{self, Page};
use crate::service::incident::view::{Helper, IncidentView};
use crate::service::{ServiceError, Yitu, page as paging, spatial};

/// Hours in which a limit ends soon: unless said, and at most.
const SOON: (i64, i64) = (4, 14 * 24);

/// Which part of the county, and how far ahead.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// A region with all below it.
    pub region: Option<FeatureId>,
    /// A limit that ends within so many hours ends soon; 4 unless said.
    pub within_hours: Option<i64>,
}

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AskedPage {
    /// A region with all below it.
    pub region: Option<FeatureId>,
    /// A limit that ends within so many hours ends soon; 4 unless said.
    pub within_hours: Option<i64>,
    /// At most so many; 50 unless said, up to 1000.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// How much waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Look {
    /// When it was counted.
    pub at: DateTime<Utc>,
    /// Hours in which a limit ends soon.
    pub within_hours: i64,
    /// Each list; a matter may be on several.
    pub lists: Vec<Waiting>,
    /// Open restricted matters of the whole county, which are on no list; absent for a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restricted: Option<i64>,
}

/// How much waits on one list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Waiting {
    /// Its name in `/api/duty/{list}`.
    pub list: DutyList,
    /// What people call it.
    pub title: &'static str,
    /// How many matters are on it.
    pub count: i64,
}

/// Counts all lists.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn look(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Result<Look, ServiceError> {
    let cut = cut(yitu, viewer, asked)?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let counts = duty::counts(&mut on, cut, DutyList::ALL).await?;
    let restricted = match asked.region {
        // In a part of the county a count could single somebody out.
        Some(region) if region != viewer.county_id() => None,
        _ => Some(duty::restricted(&mut on, viewer.county_id()).await?),
    };
    on.finish().await?;
    let waiting = |(&list, count): (&DutyList, i64)| Waiting { list, title: list.zh(), count };
    Ok(Look {
        at: cut.now,
        within_hours: (cut.soon - cut.now).num_hours(),
        lists: DutyList::ALL.iter().zip(counts).map(waiting).collect(),
        restricted,
    })
}

/// A page of one list, what is due first first.
///
/// # Errors
/// `not-found` for a list that is none; problems that name the parameter; a failing database.
pub async fn page(yitu: &Yitu, viewer: &Viewer, name: &str, asked: &AskedPage) -> Result<Page, ServiceError> {
    let list = DutyList::from_code(name).ok_or_else(|| no_such_list(name))?;
    let limit = paging::limit(asked.limit)?;
    let after = paging::cursor(asked.cursor.as_deref(), list::read_cursor)?;
    let cut = cut(yitu, viewer, &Asked { region: asked.region, within_hours: asked.within_hours })?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let number_matched = duty::counts(&mut on, cut, &[list]).await?.into_iter().sum();
    let mut rows = duty::page(&mut on, cut, list, after, limit + 1).await?;
    let place = |r: &IncidentRow| list::cursor(r.next_deadline_at.or(r.closed_at).unwrap_or_default(), r.id);
    let next = paging::cut(&mut rows, limit, place);
    let mut items: Vec<IncidentView> = rows.into_iter().map(|r| IncidentView::of(r, cut.now)).collect();
    if list == DutyList::NotSignedIn {
        let ids: Vec<Uuid> = items.iter().map(|i| i.id).collect();
        let mut of: HashMap<Uuid, Vec<Helper>> = HashMap::new();
        for row in assignment::helpers(&mut on, viewer.county_id(), &ids).await? {
            of.entry(row.incident_id).or_default().push(row.into());
        }
        for item in &mut items {
            item.helpers = Some(of.remove(&item.id).unwrap_or_default());
        }
    }
    on.finish().await?;
    let items = items.into_iter().map(|item| item.for_viewer(yitu, viewer)).collect();
    Ok(Page { items, next, number_matched })
}

fn cut(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Result<Cut, ServiceError> {
    if let Some(region) = asked.region {
        spatial::region(yitu, region)?;
    }
    let hours = asked.within_hours.unwrap_or(SOON.0);
    if !(1..=SOON.1).contains(&hours) {
        return Err(Problem::bad_field(
            "within_hours",
            format!("within_hours 应为 1 到 {} 小时,您写的是 {hours}", SOON.1),
            format!("within_hours is from 1 to {}; it says {hours}", SOON.1),
        )
        .into());
    }
    let now = yitu.clock.now();
    Ok(Cut { county: viewer.county_id(), now, soon: now + Duration::hours(hours), region: asked.region })
}

fn no_such_list(name: &str) -> Problem {
    let codes: Vec<&str> = DutyList::ALL.iter().map(|l| l.code()).collect();
    let mut problem = Problem::not_found(("值班清单", "duty list"), name);
    problem.detail.zh = format!("没有“{name}”这个值班清单,可用的有:{}。", codes.join("、"));
    problem.detail.en = format!("There is no duty list {name:?}; there are: {}.", codes.join(", "));
    problem
}
