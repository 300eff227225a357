//! Take back a preview, or a published redraw whose day has not come.

use chrono::SubsecRound;
use serde::Serialize;
use utoipa::ToSchema;

use super::publish::{Publish, check_version, refused};
use crate::db::{Request, redraw, redraw_discard};
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::incident::facts::calendar;
use crate::service::{ServiceError, Yitu, area};

/// A discarded redraw.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Discarded {
    pub id: FeatureId,
    /// `discarded`.
    pub state: String,
    pub version: i32,
    pub seq: String,
}

/// Discards a redraw. Of one that was published, the village's grids are as they would have been without it.
///
/// # Errors
/// When the village is not in the area of who asks, it is in force, was discarded, or the village was drawn again upon it.
pub async fn discard(yitu: &Yitu, viewer: &Viewer, id: FeatureId, asked: &Publish) -> Result<Discarded, ServiceError> {
    let (county, now) = (viewer.county_id(), yitu.clock.now().trunc_subsecs(6));
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let row =
        redraw::lock(&mut on, county, id).await?.ok_or_else(|| Problem::not_found(("网格调整方案", "redraw"), id))?;
    area::check(yitu, viewer, None, row.village_id)?;
    check_version(&row, asked)?;
    match row.state.as_str() {
        "preview" => {}
        "published" => {
            let today = calendar(&mut on, county, now).await?.day(now);
            if row.effective_from <= today {
                return Err(in_force().into());
            }
            redraw::take_turn(&mut on, county, row.village_id).await?;
            if redraw_discard::is_drawn_upon(&mut on, row.village_id, id).await? {
                return Err(drawn_upon().into());
            }
            redraw_discard::take_back(&mut on, row.village_id, id, row.effective_from, now).await?;
        }
        "active" => return Err(in_force().into()),
        _ => {
            return Err(conflict(
                "already-discarded",
                ("方案已作废", "Already discarded"),
                ("该方案已经作废,无须再办。", "It was discarded before."),
            )
            .into());
        }
    }
    let version = redraw_discard::mark(&mut on, id).await?;
    let seq = on.commit().await.map_err(refused)?.to_string();
    Ok(Discarded { id, state: "discarded".to_owned(), version, seq })
}

fn conflict(slug: &'static str, title: (&str, &str), detail: (&str, &str)) -> Problem {
    Problem::new(ProblemKind::Conflict, slug, title, (detail.0.to_owned(), detail.1.to_owned()))
}

fn in_force() -> Problem {
    conflict(
        "redraw-in-force",
        ("方案已生效", "The redraw is in force"),
        ("该方案已经生效,不能作废;请另作一次调整。", "It is in force and cannot be discarded; draw anew."),
    )
}

fn drawn_upon() -> Problem {
    conflict(
        "drawn-upon",
        ("其后另有调整", "Drawn upon"),
        (
            "该村在此方案之后又发布了别的调整,请先作废后发布的。",
            "The village was drawn again upon it; discard the later redraw first.",
        ),
    )
}
