//! An incident by the number another system knows it by.

use crate::db::{Request, incident};
use crate::domain::{Problem, Viewer};
use crate::service::incident::check::{External, check_external};
use crate::service::incident::view::{IncidentView, whole};
use crate::service::{ServiceError, Yitu};

/// The incident with its explanation and timeline.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn find(yitu: &Yitu, viewer: &Viewer, external: &External) -> Result<IncidentView, ServiceError> {
    check_external(Some(external))?;
    let county = viewer.county_id();
    let missing = || Problem::not_found(("事件", "incident"), format!("{} {}", external.system, external.no));
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let id = incident::find_external(&mut on, county, (external.system.trim(), external.no.trim())).await?;
    let id = id.ok_or_else(missing)?;
    let found = whole(&mut on, county, id, yitu.clock.now()).await?.ok_or_else(missing)?;
    on.finish().await?;
    Ok(found.for_viewer(yitu, viewer))
}
