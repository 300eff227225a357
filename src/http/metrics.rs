//! `/metrics` for Prometheus: requests by route, never by path, which may name a person's household.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Histogram, Label};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::domain::Layer;
use crate::service::Yitu;

const DURATION: &str = "yitu_http_request_seconds";

/// The process's recorder, installed when first asked for.
fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let buckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0];
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &buckets)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed; /metrics stays empty");
        }
        handle
    })
}

/// How often recorded durations are gathered into their buckets. Until then each takes memory of its own.
const GATHER: Duration = Duration::from_secs(5);

/// Keeps the recorder's memory bounded, scraped or not.
pub async fn gather() {
    let mut ticks = tokio::time::interval(GATHER);
    loop {
        ticks.tick().await;
        recorder().run_upkeep();
    }
}

/// By route, then method and status.
type Histograms = HashMap<String, HashMap<(&'static str, u16), Histogram>>;

thread_local! {
    /// The histograms in use, so that a request need not look for its own by name.
    static HISTOGRAMS: RefCell<Histograms> = RefCell::default();
}

/// Counts and times a request under its route's pattern.
pub async fn measure(request: Request, next: Next) -> Response {
    let method = named(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    record(method, route, response.status().as_u16(), begun.elapsed());
    response
}

fn record(method: &'static str, route: &str, status: u16, took: Duration) {
    HISTOGRAMS.with_borrow_mut(|known| {
        if let Some(histogram) = known.get(route).and_then(|of_route| of_route.get(&(method, status))) {
            return histogram.record(took.as_secs_f64());
        }
        recorder();
        let labels = [
            Label::from_static_parts("method", method),
            Label::new("route", route.to_owned()),
            Label::new("status", status.to_string()),
        ];
        let histogram = metrics::histogram!(DURATION, labels.iter());
        histogram.record(took.as_secs_f64());
        known.entry(route.to_owned()).or_default().insert((method, status), histogram);
    });
}

/// The methods there are routes for; a client may invent more.
fn named(method: &Method) -> &'static str {
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];
    let names = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    known.iter().position(|k| k == method).map_or("other", |n| names[n])
}

/// The exposition text, with how the server stands at this moment.
pub async fn expose(State(yitu): State<Yitu>) -> String {
    let text = recorder();
    // Whoever runs the system is not told how many households come and go.
    for &layer in Layer::ALL.iter().filter(|l| **l != Layer::Household) {
        metrics::gauge!("yitu_atlas_features", "layer" => layer.name()).set(yitu.atlas.layer(layer).len() as f64);
    }
    for (layer, bytes) in yitu.tiles.layers.resident() {
        metrics::gauge!("yitu_tile_columns_bytes", "layer" => layer.name()).set(bytes as f64);
    }
    metrics::gauge!("yitu_tile_cache_bytes").set(yitu.tiles.cache.resident() as f64);
    metrics::gauge!("yitu_atlas_following").set(f64::from(u8::from(yitu.atlas.is_following())));
    for (login, (open, idle)) in yitu.db.connections() {
        metrics::gauge!("yitu_database_connections", "login" => login, "state" => "open").set(f64::from(open));
        metrics::gauge!("yitu_database_connections", "login" => login, "state" => "idle").set(idle as f64);
    }
    text.render()
}
