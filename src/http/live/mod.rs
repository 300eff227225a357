//! The live stream: server-sent events of what changed.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use futures::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use tokio_stream::wrappers::BroadcastStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::gate::Caller;
use super::connections::Stopping;
use super::extract::Query;
use super::{Answer, Failure};
use crate::domain::Problem;
use crate::service::Yitu;
use crate::service::access::limits::Running;
use crate::service::access::principal::is_still;
use crate::service::live::{Event, Topic, events, missed, missed_since};

/// How often a stream looks whether it may go on.
const LOOK: Duration = Duration::from_secs(2);

/// `/live`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new().routes(routes!(live))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Comma list of `tiles`, `incident`, `summary`; all when absent.
    topics: Option<String>,
    /// As the header `Last-Event-ID`, for clients that cannot set it.
    last_event_id: Option<String>,
}

/// What changes from now on, as server-sent events.
#[utoipa::path(get, path = "/live", tag = "live", params(Wanted),
    responses((status = 200, content_type = "text/event-stream"), (status = 400, body = super::problem::ProblemBody)))]
async fn live(
    State(yitu): State<Yitu>,
    caller: Caller,
    Extension(stopping): Extension<Stopping>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>> {
    let topics = topics(wanted.topics.as_deref())?;
    let viewer = caller.viewer.clone();
    let counted = caller
        .principal
        .as_ref()
        .map(|principal| yitu.access.limits.begin_stream(principal.account_id, yitu.config.requests_per_second));
    let counted = counted.transpose()?;
    let ended = ended(yitu.clone(), caller, stopping, counted);
    // Listening begins before anything is told, so that nothing falls between.
    let changes = BroadcastStream::new(yitu.changes.listen());
    let heard = headers.get("last-event-id").and_then(|v| v.to_str().ok()).or(wanted.last_event_id.as_deref());
    let first = match heard {
        // A position nobody gave out is as good as one long forgotten.
        Some(heard) => missed_since(&yitu, &viewer, heard.parse().ok(), &topics),
        None => Vec::new(),
    };
    // A client that is told nothing before it is cut off still knows where it stood.
    let stands = SseEvent::default().id(yitu.atlas.applied().settled().to_string());
    let later = changes.flat_map(move |change| {
        let told = match change {
            Ok(change) => events(&yitu, &viewer, &change, &topics),
            // The listener was too slow.
            Err(_) => missed(&yitu, &topics),
        };
        stream::iter(told)
    });
    let told = |event: Event| {
        SseEvent::default().event(event.topic.name()).id(event.id.to_string()).data(event.data.to_string())
    };
    let all = stream::iter(first).map(told).chain(stream::once(async { stands })).chain(later.map(told));
    Ok(Sse::new(all.map(Ok).take_until(ended)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Comes when what a stream was opened with is no longer good, or its scope is another, or the server stops.
async fn ended(yitu: Yitu, caller: Caller, stopping: Stopping, _counted: Option<Running>) {
    let shut = async {
        loop {
            tokio::time::sleep(LOOK).await;
            // A question to the database is large while it is asked: not to be kept room for in every stream.
            if !Box::pin(is_still(&yitu, caller.secret.as_deref(), &caller.viewer)).await {
                return;
            }
        }
    };
    tokio::select! { () = stopping.comes() => {}, () = shut => {} }
}

fn topics(list: Option<&str>) -> Result<Vec<Topic>, Failure> {
    let Some(list) = list else { return Ok(Topic::ALL.to_vec()) };
    let known = Topic::ALL;
    let read = |name: &str| {
        known.into_iter().find(|t| t.name() == name).ok_or_else(|| {
            Problem::bad_field(
                "topics",
                format!("没有主题 {name:?},可用:tiles、incident、summary。"),
                format!("There is no topic {name:?}; there are tiles, incident, summary."),
            )
            .into()
        })
    };
    list.split(',').map(read).collect()
}
