//! What operations answer beside what each says of itself: who may not, too much, not now. Said once, of the table the gate
//! reads.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};

use super::access::gate::{COOKIE, PAGE_KEY};
use crate::access::operations::{Need, need};

const TOKEN: &str = "token";
const SESSION: &str = "session";
const PAGE: &str = "pageKey";

/// Adds to each operation what it takes to be let in and what every failure looks like.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            // What is not in the table is open to nobody.
            let is_open = need(method, path) == Some(Need::Nobody);
            let changes = !matches!(method, "GET" | "HEAD" | "OPTIONS");
            if !is_open {
                operation.security = Some(keys(changes));
            }
            let (has_parameters, has_body) = (operation.parameters.is_some(), operation.request_body.is_some());
            let answers = &mut operation.responses.responses;
            let common = [
                (has_parameters || has_body, "400", "Not understood, or a field is at fault"),
                (!is_open, "401", "Nobody is signed in"),
                (!is_open || changes, "403", "Not for this role, this token or this page"),
                (path.contains('{'), "404", "There is no such thing, or none this account may see"),
                (has_body, "413", "The body is over the limit"),
                (has_body, "415", "The body is of another kind than is taken"),
                (!is_open, "429", "Too many requests of this account"),
                (true, "503", "Not possible at the moment; try again shortly"),
            ];
            for (_, status, what) in common.into_iter().filter(|(applies, ..)| *applies) {
                answers.entry(status.to_owned()).or_insert_with(|| Response::new(what).into());
            }
            for (_, answer) in answers.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
                let RefOr::T(answer) = answer else { continue };
                answer.content.clear();
                if method != "HEAD" {
                    let body = Content::new(Some(Ref::from_schema_name("ProblemBody")));
                    answer.content.insert("application/problem+json".to_owned(), body.into());
                }
            }
        }
    }
    let components = document.components.get_or_insert_default();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("What POST /api/tokens answers."));
    components.add_security_scheme(TOKEN, SecurityScheme::Http(token.build()));
    let session = ApiKeyValue::with_description(COOKIE, "Of signing in; over TLS its name begins with __Host-.");
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    let page = ApiKeyValue::with_description(PAGE_KEY.as_str(), "Beside the session, with all that changes something.");
    components.add_security_scheme(PAGE, SecurityScheme::ApiKey(ApiKey::Header(page)));
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", &mut item.get),
        ("HEAD", &mut item.head),
        ("OPTIONS", &mut item.options),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// A token, or a session; with a session what changes something needs the page's key as well.
fn keys(changes: bool) -> Vec<SecurityRequirement> {
    let none = [""; 0];
    let session = SecurityRequirement::new(SESSION, none);
    let session = if changes { session.add(PAGE, none) } else { session };
    vec![SecurityRequirement::new(TOKEN, none), session]
}
