//! What headers say: the session, the token, the state seen, languages and encodings.
#![no_main]

use axum::http::{HeaderMap, HeaderValue, header};
use yitu::http::access::gate::{bearer, cookie};
use yitu::http::problem::prefers_chinese;
use yitu::service::ogc::edit::Expected;
use yitu::service::tile::Encoding;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let _ = prefers_chinese(Some(&value));
    let headers: HeaderMap = [header::COOKIE, header::AUTHORIZATION].into_iter().map(|n| (n, value.clone())).collect();
    let _ = bearer(&headers);
    if let Some(secret) = cookie(&headers) {
        assert!(!secret.contains(';'));
    }
    if let Ok(text) = value.to_str() {
        let _ = Expected::parse(text);
        let _ = Encoding::accepted(text);
    }
});
