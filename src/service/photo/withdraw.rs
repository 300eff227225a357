//! Withdraw: a photo's files are erased for a reason; that it was there, and its digest, stays.

use chrono::SubsecRound;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::finish::tell;
use super::show::{PhotoView, visible};
use crate::db::photo::{self, PhotoRow};
use crate::db::{Request, incident};
use crate::domain::incident::Actor;
use crate::domain::photo::PhotoKind;
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::incident::check::check_text;
use crate::service::incident::parts::{Matter, parts};
use crate::service::incident::retried;
use crate::service::{ServiceError, Yitu};

/// Longest reason, characters.
const MOST_REASON: usize = 500;

/// Why a photo is withdrawn.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Withdrawal {
    /// The reason, for the history.
    pub reason: String,
}

/// Withdraws a photo. Withdrawn again it stays so.
///
/// # Errors
/// Problems that name what is wrong; a failing database.
pub async fn withdraw(yitu: &Yitu, viewer: &Viewer, id: Uuid, why: Withdrawal) -> Result<PhotoView, ServiceError> {
    check_text("/reason", &why.reason, MOST_REASON)?;
    let reason = why.reason.trim();
    if reason.is_empty() {
        return Err(Problem::bad_field("/reason", "撤下照片请写明理由", "Withdrawing a photo needs its reason").into());
    }
    let row = retried(|| attempt(yitu, viewer, id, reason)).await?;
    // It is withdrawn already; what fails here is done by the sweep.
    if let Err(error) = erase(yitu, viewer.county_id(), id).await {
        tracing::warn!(%error, photo = %id, "the files of a withdrawn photo are still there; trying again");
    }
    Ok(row.into())
}

async fn attempt(yitu: &Yitu, viewer: &Viewer, id: Uuid, reason: &str) -> Result<PhotoRow, ServiceError> {
    let (county, now) = (viewer.county_id(), yitu.clock.now().trunc_subsecs(6));
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let incident = visible(&mut on, viewer, id).await?.incident_id;
    incident::lock(&mut on, county, incident).await?;
    let row = visible(&mut on, viewer, id).await?;
    if row.is_ready() {
        is_for(&mut on, viewer, &row).await?;
    }
    if photo::withdraw(&mut on, county, id, (viewer.name(), reason), now).await? {
        let digest = row.sha256.as_deref().unwrap_or_default();
        let what = format!("撤下{}照片(SHA-256 {digest}):{reason}", PhotoKind::zh(&row.kind));
        tell(&mut on, viewer, &row, &what, now).await?;
    }
    let row = visible(&mut on, viewer, id).await?;
    on.finish().await?;
    if row.withdrawn_reason.is_some() { Ok(row) } else { Err(nothing_to_withdraw().into()) }
}

/// Checks that a photo is theirs to withdraw: for whoever is on duty or leads where its matter lies, and for its sender
/// until a check has looked at it.
async fn is_for(on: &mut Request, viewer: &Viewer, photo: &PhotoRow) -> Result<(), ServiceError> {
    let (county, id) = (viewer.county_id(), photo.incident_id);
    let matter = incident::find(on, county, id).await?.ok_or_else(|| super::missing(photo.id))?;
    let parts = parts(viewer, &Matter::of(&matter, &[]));
    if parts.iter().any(|part| matches!(part, Actor::DutyOfficer | Actor::Leader)) {
        return Ok(());
    }
    let sent_at = photo.uploaded_at.unwrap_or(photo.announced_at);
    if photo.is_of(viewer) && !incident::checked_since(on, county, id, sent_at).await? {
        return Ok(());
    }
    Err(super::not_theirs((
        format!("照片 {} 由值班员或领导撤下;上传人在核查之前可以撤下自己的。", photo.id),
        format!(
            "Photo {} is withdrawn by the duty officer or a leader; whoever sent it may until the matter is checked.",
            photo.id
        ),
    ))
    .into())
}

/// Takes the files of a withdrawn photo out of the store.
pub(super) async fn erase(yitu: &Yitu, county: FeatureId, id: Uuid) -> Result<(), ServiceError> {
    yitu.photos.store.erase(county, id).await?;
    Ok(photo::erased(&yitu.db.system, county, id, yitu.clock.now()).await?)
}

fn nothing_to_withdraw() -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "photo-not-ready",
        ("没有照片可撤", "No photo to withdraw"),
        (
            "照片还没有传完。未传完的上传可直接取消。".to_owned(),
            "The photo has not come whole yet; an upload can be given up.".to_owned(),
        ),
    )
}
