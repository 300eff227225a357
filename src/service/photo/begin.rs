//! Begin: a photo is announced.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use uuid::Uuid;

use super::{busy, of_sender};
use crate::db::photo::{self, NewPhoto, PhotoRow};
use crate::db::{Request, incident};
use crate::domain::photo::{MOST_BYTES, MOST_CAPTION, MOST_PHOTOS, PhotoKind, Refusal, too_large};
use crate::domain::{Problem, ProblemKind, Viewer};
use crate::service::incident::check::check_text;
use crate::service::incident::retried;
use crate::service::{ServiceError, Yitu};

/// How far a client's clock may run ahead.
const AHEAD: Duration = Duration::minutes(10);

/// What the sender says of a photo.
#[derive(Debug, Clone)]
pub struct About {
    /// Made by the client: a repeat is the same photo.
    pub id: Uuid,
    /// What it shows.
    pub kind: PhotoKind,
    /// The client's clock.
    pub taken_at: Option<DateTime<Utc>>,
    /// A few words.
    pub caption: String,
}

impl About {
    /// Checks its form.
    ///
    /// # Errors
    /// The fault, naming the parameter.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Problem> {
        check_text("caption", &self.caption, MOST_CAPTION)?;
        match self.taken_at {
            Some(at) if at > now + AHEAD || at < DateTime::<Utc>::UNIX_EPOCH => Err(Problem::bad_field(
                "taken_at",
                format!("拍摄时间 {} 在未来或早于 1970 年,请校准设备时间", at.to_rfc3339()),
                format!("The photo cannot have been taken at {}; set the device's clock", at.to_rfc3339()),
            )),
            _ => Ok(()),
        }
    }
}

/// A photo and whether it is still to come.
#[derive(Debug)]
pub struct Begun {
    /// The photo.
    pub photo: PhotoRow,
    /// False for one that is there already.
    pub new: bool,
}

/// Announces a photo of so many bytes, to be sent in pieces. One that is under way already goes on where it was, if it
/// is of the same length.
///
/// # Errors
/// Problems that name what is wrong; a failing database.
pub async fn announce(
    yitu: &Yitu,
    viewer: &Viewer,
    incident: Uuid,
    about: &About,
    bytes: u64,
) -> Result<Begun, ServiceError> {
    let begun = begin(yitu, viewer, incident, about, bytes).await?;
    let county = viewer.county_id();
    // Announced again with another length it is another file.
    if begun.new && begun.before.is_some_and(|b| b != bytes as i64) {
        let mut upload = yitu.photos.uploads.open(county, about.id).await?.ok_or_else(busy)?;
        upload.cut(0).await?;
    }
    Ok(Begun { photo: begun.photo, new: begun.new })
}

/// What an announcement found.
#[derive(Debug)]
pub(super) struct Announced {
    pub photo: PhotoRow,
    pub new: bool,
    /// The length announced before.
    before: Option<i64>,
}

/// Announces a photo.
pub(super) async fn begin(
    yitu: &Yitu,
    viewer: &Viewer,
    incident: Uuid,
    about: &About,
    bytes: u64,
) -> Result<Announced, ServiceError> {
    if bytes == 0 {
        return Err(Refusal::Empty.problem().into());
    }
    if bytes > MOST_BYTES {
        return Err(too_large().into());
    }
    let now = yitu.clock.now().trunc_subsecs(6);
    about.check(now)?;
    let new = NewPhoto {
        id: about.id,
        incident_id: incident,
        kind: about.kind.code(),
        caption: about.caption.trim(),
        taken_at: about.taken_at,
        uploaded_by: viewer.name(),
        account_id: viewer.account_id(),
        announced_at: now,
        sent_bytes: bytes as i64,
    };
    retried(|| attempt(yitu, viewer, &new)).await
}

async fn attempt(yitu: &Yitu, viewer: &Viewer, new: &NewPhoto<'_>) -> Result<Announced, ServiceError> {
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let before = match admit(&mut on, viewer, new.incident_id, new.id).await? {
        Some(photo) if photo.is_kept() => return Ok(Announced { photo, new: false, before: None }),
        known => known.map(|p| p.sent_bytes),
    };
    photo::announce(&mut on, county, new).await?;
    let photo = photo::find(&mut on, county, new.id).await?.ok_or_else(|| super::missing(new.id))?;
    // Another matter's photo may have come by this id meanwhile.
    if photo.incident_id != new.incident_id {
        return Err(elsewhere(new.id).into());
    }
    on.finish().await?;
    Ok(Announced { photo, new: true, before })
}

/// The photo of this id, if it is there already, or nothing where there is room for it; told before a body is waited
/// for.
pub(super) async fn look(
    yitu: &Yitu,
    viewer: &Viewer,
    incident: Uuid,
    photo: Uuid,
) -> Result<Option<PhotoRow>, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let known = admit(&mut on, viewer, incident, photo).await?;
    on.finish().await?;
    Ok(known)
}

/// Takes the incident's turn, so that parallel announcements are counted one after the other.
async fn admit(
    on: &mut Request,
    viewer: &Viewer,
    incident: Uuid,
    photo: Uuid,
) -> Result<Option<PhotoRow>, ServiceError> {
    let county = viewer.county_id();
    if !incident::lock(on, county, incident).await? {
        return Err(Problem::not_found(("事件", "incident"), incident).into());
    }
    // An id is one photo's, also where its matter is not theirs to see.
    on.as_the_program().await?;
    match photo::find(on, county, photo).await? {
        Some(known) if known.incident_id != incident => Err(elsewhere(photo).into()),
        Some(known) if !known.is_kept() => {
            of_sender(viewer, &known)?;
            Ok(Some(known))
        }
        Some(known) => Ok(Some(known)),
        None => {
            let photos = photo::of_incident(on, county, incident).await?;
            let there = photos.iter().filter(|p| p.is_ready() || p.is_receiving()).count();
            if there as i64 >= MOST_PHOTOS { Err(full().into()) } else { Ok(None) }
        }
    }
}

fn elsewhere(photo: Uuid) -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "photo-elsewhere",
        ("照片属于另一事件", "The photo is another incident's"),
        (
            format!("照片 {photo} 已属于另一事件。请为新照片生成新的 id。"),
            format!("Photo {photo} belongs to another incident; make a new id for a new photo."),
        ),
    )
}

fn full() -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "photos-full",
        ("照片已满", "No more photos"),
        (
            format!("每件事最多 {MOST_PHOTOS} 张照片,这件已满。"),
            format!("An incident has at most {MOST_PHOTOS} photos; this one has them."),
        ),
    )
}
