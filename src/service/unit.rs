//! The units a matter can be given to or called to.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::db::{Request, unit};
use crate::dispatch::UnitKind;
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::incident::check::check_text;
use crate::service::{ServiceError, Yitu, page};

/// Which units.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// A part of the name.
    pub q: Option<String>,
    /// A rung: `grid_group`, `village_party_org`, `township_centre`, `county_centre`, `department`, `county_duty_officer`.
    pub kind: Option<String>,
    /// A region with all below it.
    pub region: Option<FeatureId>,
    /// At most so many; 50 unless said, up to 1000.
    pub limit: Option<i64>,
}

/// 承办单位.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as everywhere
pub struct Unit {
    pub id: FeatureId,
    pub kind: String,
    pub name: String,
    /// 责任党组织.
    pub org_id: FeatureId,
    pub org_name: String,
}

/// The units asked for, highest rung first, then by name.
///
/// # Errors
/// A problem that names the parameter; a failing database.
pub async fn find(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Result<Vec<Unit>, ServiceError> {
    if let Some(kind) = asked.kind.as_deref().filter(|k| UnitKind::from_code(k).is_none()) {
        let all = UnitKind::ALL.iter().map(|k| k.code()).collect::<Vec<_>>().join("、");
        let en = format!("There is no kind {kind:?}; there are {all}");
        return Err(Problem::bad_field("kind", format!("没有“{kind}”这一级,可用的有:{all}"), en).into());
    }
    let limit = page::limit(asked.limit)?;
    let named = asked.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
    check_text("q", named.unwrap_or_default(), 100)?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let rows = unit::find(&mut on, viewer.county_id(), (named, asked.kind.as_deref(), asked.region), limit).await?;
    on.finish().await?;
    let unit = |u: unit::UnitRow| Unit { id: u.id, kind: u.kind, name: u.name, org_id: u.org_id, org_name: u.org_name };
    Ok(rows.into_iter().map(unit).collect())
}
