//! Removing a receiver, and with it all that was to be told to it.

use super::{missing, stale};
use crate::db::{Request, receiver};
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::{ServiceError, Yitu};

/// Removes it. To pause one, disable it.
///
/// # Errors
/// `not-found`, `stale-version`, `version-required`; a failing database.
pub async fn remove(yitu: &Yitu, viewer: &Viewer, id: FeatureId, version: Option<i32>) -> Result<(), ServiceError> {
    let version = version.ok_or_else(Problem::version_required)?;
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    if !receiver::delete(&mut on, county, id, version).await? {
        let there = receiver::list(&mut on, county, Some(id)).await?.pop().ok_or_else(|| missing(id))?;
        return Err(stale(there.version, version).into());
    }
    Ok(on.finish().await?)
}
