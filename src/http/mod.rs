//! HTTP: handlers, extractors, problem+json. The only module that knows axum.

pub mod access;
pub mod calendar;
pub mod certificate;
mod connections;
pub mod county;
pub mod deliberation;
mod described;
pub mod dispatch;
pub mod duty;
pub mod exchange;
pub mod extract;
pub mod figures;
pub mod grid;
pub mod health;
pub mod household;
mod in_chinese;
pub mod incident;
pub mod live;
pub mod metrics;
pub mod ogc;
pub mod photo;
pub mod problem;
pub mod spatial;
pub mod tile;
pub mod unit;
mod watched;
pub mod web_map;
pub mod webhook;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::service::{ServiceError, Yitu};

pub use connections::serve;
pub use problem::Failure;

/// Handlers answer this.
pub type Answer<T> = Result<T, Failure>;

/// The largest body taken, bytes, where a route does not say otherwise.
pub const BODY_LIMIT_BYTES: usize = 4 << 20;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The head of the OpenAPI document; the operations come from the handlers.
#[derive(OpenApi)]
#[openapi(info(
    title = "Yitu 一图统揽",
    description = "County map, dispatch and spatial queries. 县域网格一张图。 \
    A method a path does not take is answered 405, with those it does in Allow; every failure is application/problem+json."
))]
struct Document;

/// All routes and the OpenAPI document of those that are described.
pub fn routes() -> (Router<Yitu>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(health::routes())
        .merge(access::routes())
        .merge(incident::routes())
        .merge(household::routes())
        .merge(duty::routes())
        .merge(figures::routes())
        .merge(grid::routes())
        .merge(dispatch::routes())
        .merge(county::routes())
        .merge(calendar::routes())
        .merge(deliberation::routes())
        .merge(spatial::routes())
        .merge(unit::routes())
        .merge(ogc::routes())
        .merge(webhook::routes())
        .merge(exchange::routes())
        .layer(compression())
        // Tiles come encoded from their own cache; events must not wait for a full block.
        .merge(tile::routes())
        .merge(live::routes())
        // This limit, not the smaller one that extractors have by themselves.
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT_BYTES))
        // Photos count their own bytes, and are packed already.
        .merge(photo::routes())
        .split_for_parts();
    let acting = document.paths.paths.get_mut(incident::ACTIONS).and_then(|path| path.post.as_mut());
    if let Some(acting) = acting {
        acting.description = Some(crate::domain::incident::table());
    }
    described::complete(&mut document);
    (router, document)
}

/// The whole server over a running [`Yitu`].
fn app(yitu: Yitu) -> Router {
    let (router, document) = routes();
    let pages = web_map::routes()
        .route("/metrics", axum::routing::get(metrics::expose))
        .merge(utoipa_swagger_ui::SwaggerUi::new("/api/docs").url("/api/openapi.json", document))
        .layer(compression());
    let router =
        router.merge(pages).fallback(problem::no_such_path).method_not_allowed_fallback(problem::no_such_method);
    router
        .layer(axum::middleware::from_fn_with_state(yitu.clone(), access::gate::gate))
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(REQUEST_ID, RequestIds::default()))
                .layer(TraceLayer::new_for_http().make_span_with(request_span))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID))
                .layer(axum::middleware::from_fn_with_state(yitu.clone(), access::gate::harden))
                .layer(axum::middleware::from_fn(metrics::measure))
                .layer(axum::middleware::from_fn(problem::render))
                .layer(CatchPanicLayer::custom(problem::panicked))
                .layer(tower_http::timeout::TimeoutLayer::with_status_code(
                    StatusCode::SERVICE_UNAVAILABLE,
                    Duration::from_mins(1),
                )),
        )
        .with_state(yitu)
}

/// Numbers requests: one random beginning a process, then the count. Unique without a random number a request.
#[derive(Debug, Clone)]
struct RequestIds {
    process: u32,
    count: Arc<AtomicU64>,
}

impl Default for RequestIds {
    fn default() -> Self {
        Self { process: uuid::Uuid::new_v4().as_fields().0, count: Arc::default() }
    }
}

impl MakeRequestId for RequestIds {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let id = format!("{:08x}-{:x}", self.process, self.count.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

/// Of all but tiles, which the OGC API has too.
fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .compress_when(DefaultPredicate::new().and(NotForContentType::const_new("application/vnd.mapbox-vector-tile")))
}

/// Where this server is, as the asker calls it: `https://map.county`. What cannot be a host's name is not repeated.
fn origin(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let is_host = |h: &&str| !h.is_empty() && h.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    let host = text("x-forwarded-host").filter(is_host).or_else(|| text("host").filter(is_host)).unwrap_or("localhost");
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    format!("{scheme}://{host}")
}

/// Whether the asker has this very answer already (`If-None-Match`).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).unwrap_or_default();
    // RFC 9110 §13.1.2: compared weakly.
    known.split(',').map(|t| t.trim().trim_start_matches("W/")).any(|t| t == tag || t == "*")
}

/// A JSON body in one allocation: answers are a few kilobytes.
fn json(body: &impl serde::Serialize) -> Response {
    let mut bytes = Vec::with_capacity(4096);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => Failure::from(ServiceError::Internal(error.to_string())).into_response(),
    }
}

fn request_span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let id = request.headers().get(&REQUEST_ID).and_then(|v| v.to_str().ok()).unwrap_or_default();
    // The path alone: a query may hold a name or a phone.
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}
