//! A question to the OGC API: its parameters, the form its answer takes, and addresses as the asker writes them.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::page;
use crate::domain::Problem;
use crate::http::problem::prefers_chinese;
use crate::http::{Failure, origin};
use crate::service::{Yitu, ogc};

pub const JSON: &str = "application/json";
pub const GEOJSON: &str = "application/geo+json";
pub const HTML: &str = "text/html";

/// What every question takes.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // for the API's description
pub struct Form {
    /// The answer's form; Accept is heard where it is not given.
    #[param(inline)]
    f: Option<FormName>,
}

#[derive(Debug, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code)] // for the API's description
enum FormName {
    Json,
    Html,
}

/// A question whose handler takes its parameters one by one and then refuses what is left.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where the API is, as the asker calls it, without a slash at its end.
    pub base: String,
    /// The path of the question, from the root of the server.
    pub path: String,
    /// Whether the answer is a page for people.
    pub html: bool,
    /// The language of a page.
    pub chinese: bool,
    /// 审图号, for pages.
    pub review_no: Option<String>,
    given: Vec<(String, String)>,
    left: Vec<(String, String)>,
}

/// A question that takes no parameter but `f`.
#[derive(Debug, Clone)]
pub struct Plain(pub Asked);

impl FromRequestParts<Yitu> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, yitu: &Yitu) -> Result<Self, Failure> {
        let axum::extract::Query(given) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Problem::bad_field("", "查询参数读不懂。", "The query parameters cannot be read."))?;
        let path = parts.uri.path().trim_end_matches('/').to_owned();
        let mut asked = Self {
            base: format!("{}/ogc", origin(&parts.headers)),
            html: false,
            chinese: prefers_chinese(parts.headers.get(header::ACCEPT_LANGUAGE)),
            review_no: None,
            left: given.clone(),
            given,
            path,
        };
        let twice = asked.given.iter().enumerate().find(|(k, (n, _))| asked.given[..*k].iter().any(|(m, _)| m == n));
        if let Some((_, (name, _))) = twice {
            return Err(Problem::bad_field(
                name.clone(),
                format!("查询参数 {name} 给了不止一次。"),
                format!("The query parameter {name} is given more than once."),
            )
            .into());
        }
        asked.html = match asked.take("f").as_deref() {
            None => prefers_html(&parts.headers),
            Some("html") => true,
            Some("json") => false,
            Some("geojson") if asked.path.contains("/items") => false,
            Some(other) => return Err(choice("f", other, "json、html").into()),
        };
        if asked.html {
            asked.review_no = ogc::map_review_no(yitu);
        }
        Ok(asked)
    }
}

impl FromRequestParts<Yitu> for Plain {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, yitu: &Yitu) -> Result<Self, Failure> {
        let asked = Asked::from_request_parts(parts, yitu).await?;
        asked.nothing_else(&[])?;
        Ok(Self(asked))
    }
}

impl Asked {
    /// Takes a parameter out.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.left.iter().position(|(n, _)| n == name)?;
        Some(self.left.remove(at).1)
    }

    /// Takes out all that are left.
    pub fn rest(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.left)
    }

    /// Refuses what nobody took (Part 1, requirement 8). `known` are those the handler takes beside `f`.
    pub fn nothing_else(&self, known: &[&str]) -> Result<(), Problem> {
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        let all: Vec<&str> = known.iter().copied().chain(["f"]).collect();
        let all = all.join("、");
        Err(Problem::bad_field(
            name.clone(),
            format!("{} 没有查询参数 {name},可用:{all}。", self.path),
            format!("{} takes no query parameter {name}; there are {all}.", self.path),
        ))
    }

    /// The address of this question with some parameters set anew, or left out.
    pub fn address(&self, set: &[(&str, Option<&str>)]) -> String {
        let kept = self.given.iter().filter(|(n, _)| set.iter().all(|(s, _)| s != n));
        let kept = kept.map(|(n, v)| (n.as_str(), v.as_str()));
        let all: Vec<String> = kept
            .chain(set.iter().filter_map(|(n, v)| Some((*n, (*v)?))))
            .map(|(n, v)| format!("{}={}", escaped(n), escaped(v)))
            .collect();
        let root = self.base.trim_end_matches("/ogc");
        let question = if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) };
        format!("{root}{}{question}", self.path)
    }

    /// Whether latitude comes first in the answer.
    pub fn lat_first(&self) -> bool {
        self.given.iter().any(|(name, value)| name == "crs" && value != super::CRS84)
    }

    /// The links every answer has: to itself and to its other form. `kind` is the type of the one for programs.
    pub fn own_links(&self, kind: &str) -> Vec<Value> {
        let (own, other) = if self.html { (HTML, kind) } else { (kind, HTML) };
        let form = if self.html { "json" } else { "html" };
        vec![link("self", own, self.address(&[])), link("alternate", other, self.address(&[("f", Some(form))]))]
    }

    /// The answer in the form asked for; `kind` is the type of the one for programs.
    pub fn answer(&self, body: &Value, kind: &'static str) -> Response {
        let mut response = if self.html { page::response(self, body) } else { axum::Json(body).into_response() };
        if !self.html {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for_asker(response)
    }
}

/// Says that the answer is for this asker, in the form asked for, and is to be asked for anew each time.
pub fn for_asker(mut response: Response) -> Response {
    for (name, value) in
        [(header::VARY, "Accept, Accept-Language, Authorization, Cookie"), (header::CACHE_CONTROL, "private, no-cache")]
    {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

pub fn link(rel: &str, kind: &str, href: impl Into<String>) -> Value {
    json!({"rel": rel, "type": kind, "href": href.into()})
}

/// A parameter takes other values.
pub fn choice(parameter: &str, given: &str, all: &str) -> Problem {
    Problem::bad_field(
        parameter,
        format!("{parameter} = {given} 不支持,可用:{all}。"),
        format!("{parameter} = {given} is not served; there are {all}."),
    )
}

/// Whether a page is wanted more than JSON (`Accept`, RFC 9110 §12.5.1: the most specific range counts).
fn prefers_html(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()) else { return false };
    let weight = |ranges: &[&str]| {
        let of = |range: &str| {
            accept.split(',').find_map(|part| {
                let mut parts = part.split(';').map(str::trim);
                let named = parts.next()?.eq_ignore_ascii_case(range);
                let q = parts.find_map(|p| p.strip_prefix("q="));
                named.then(|| q.map_or(1.0, |q| q.parse().unwrap_or(0.0)))
            })
        };
        ranges.iter().find_map(|r| of(r)).unwrap_or(0.0_f32)
    };
    let any_json = weight(&[JSON, "application/*", "*/*"]).max(weight(&[GEOJSON, "application/*", "*/*"]));
    weight(&[HTML, "text/*", "*/*"]) > any_json
}

/// Percent-encoded for a query (RFC 3986 §2).
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~,".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("a header"))])
    }

    #[test]
    fn browsers_get_pages_and_programs_json() {
        let html = |accept: &str| prefers_html(&headers(header::ACCEPT, accept));
        assert!(html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(html("text/html"));
        assert!(html("text/*, application/json;q=0.5"));
        assert!(!html("*/*"));
        assert!(!html("application/geo+json, text/html;q=0.9"));
        assert!(!html("text/html, application/json"));
        assert!(!html("application/vnd.oai.openapi+json;version=3.0, application/json"));
        assert!(!prefers_html(&HeaderMap::new()));
    }

    #[test]
    fn what_is_no_host_is_not_repeated() {
        assert_eq!(origin(&headers(header::HOST, "map.county:8080")), "http://map.county:8080");
        assert_eq!(origin(&headers(header::HOST, "\"><script>")), "http://localhost");
    }
}
