//! The web map, served from the binary.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::no_such_path;
use crate::service::Yitu;

/// Nothing is loaded from, or sent to, another host; no inline script or style runs.
pub(super) const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; worker-src 'self'; style-src 'self'; \
     connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

#[derive(RustEmbed)]
#[folder = "web-map/dist"]
#[allow_missing = true]
struct Files;

/// `/`, its views and their files.
pub fn routes() -> Router<Yitu> {
    Router::new()
        .route("/", get(async || page("index.html")))
        .route("/screen", get(async || page("screen.html")))
        .route("/field", get(async || page("field.html")))
        .route("/desk", get(async || page("desk.html")))
        .route("/sign-in", get(async || page("sign-in.html")))
        .route("/favicon.svg", get(|uri: Uri| file("favicon.svg".to_owned(), uri)))
        .route("/sw.js", get(|uri: Uri| file("sw.js".to_owned(), uri)))
        .route("/field.webmanifest", get(|uri: Uri| file("field.webmanifest".to_owned(), uri)))
        .route("/assets/{*path}", get(|Path(path): Path<String>, uri: Uri| file(format!("assets/{path}"), uri)))
}

fn page(name: &'static str) -> Response {
    let Some(page) = Files::get(name) else {
        let words = "<!doctype html><meta charset=utf-8><title>一图统揽</title><p>此程序未含网页地图,请用 make run 构建。接口见 /api/openapi.json。";
        return (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], words).into_response();
    };
    let mut response = body(name, page, "no-cache");
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn file(name: String, uri: Uri) -> Response {
    match Files::get(&name) {
        // Names under assets/ carry a hash of their content.
        Some(file) if name.starts_with("assets/") => body(&name, file, "public, max-age=31536000, immutable"),
        Some(file) => body(&name, file, "no-cache"),
        None => no_such_path(uri).await.into_response(),
    }
}

fn body(name: &str, file: EmbeddedFile, cache: &'static str) -> Response {
    // Browsers run modules only under a JavaScript type, which the guess does not give to every extension.
    let kind = match name.rsplit_once('.') {
        Some((_, "js" | "mjs")) => "text/javascript; charset=utf-8".to_owned(),
        Some((_, "html")) => "text/html; charset=utf-8".to_owned(),
        Some((_, "webmanifest")) => "application/manifest+json".to_owned(),
        _ => mime_guess::from_path(name).first_or_octet_stream().to_string(),
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache.to_owned())], Body::from(file.data)).into_response()
}
