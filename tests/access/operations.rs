//! Every operation has its rule, and every role is held to it.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::json;
use yitu::access::operations::{Need, OPERATIONS, may, need};
use yitu::domain::viewer::Role;

use crate::{Town, problem};

#[test]
fn what_the_interface_describes_has_a_rule_and_nothing_else_has() {
    let (_, document) = yitu::http::routes();
    let document = serde_json::to_value(&document).unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|m| ["get", "post", "put", "patch", "delete", "head"].contains(&m.as_str()))
        {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    assert!(described.len() > 80, "{}", described.len());
    let bare: Vec<_> = described.iter().filter(|(method, path)| need(method, path).is_none()).collect();
    assert!(bare.is_empty(), "no rule: {bare:?}");
    // Beside the described ones only pages and files, which hold no data, and the metrics.
    let others = OPERATIONS.iter().filter(|o| !described.contains(&(o.method.to_owned(), o.path.to_owned())));
    let others: Vec<&str> = others.filter(|o| o.need != Need::Nobody).map(|o| o.path).collect();
    assert_eq!(others, ["/metrics", "/ogc/"]);
}

/// A path with something in place of its parameters.
fn some(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{document}" => "region.json",
        "{layers}" | "{collectionId}" => "region",
        "{tileMatrixSetId}" => "WebMercatorQuad",
        "{day}" => "2026-12-01",
        "{year}" => "2026",
        "{list}" => "unlocated",
        "{system}" => "12345",
        part if part.starts_with('{') => "7",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn a_method_a_path_does_not_take_is_told_with_those_it_does() {
    let town = Town::open().await;
    for (method, path, takes) in [(Method::PATCH, "/api/county", "GET, HEAD"), (Method::PUT, "/api/grants/7", "DELETE")]
    {
        let refused = town.ask("duty_officer", method, path).send().await.unwrap();
        assert_eq!(
            (refused.status(), &refused.headers()["allow"]),
            (StatusCode::METHOD_NOT_ALLOWED, &takes.parse().unwrap())
        );
    }
}

#[tokio::test]
async fn each_role_is_refused_exactly_what_is_not_for_it() {
    let town = Town::open().await;
    for operation in OPERATIONS.iter().filter(|o| o.need != Need::Nobody) {
        let method: Method = operation.method.parse().unwrap();
        let path = some(operation.path);
        for role in Role::of_accounts() {
            // A stream does not end; it is let in or not.
            let mut request = town.ask(role.code(), method.clone(), &path);
            if matches!(operation.method, "POST" | "PUT" | "PATCH") {
                request = request.json(&json!({}));
            }
            let response = request.send().await.unwrap();
            let (status, may) = (response.status(), may(role, operation.need));
            let said = format!("{role:?} {} {path}: {status}", operation.method);
            assert!(status.as_u16() < 500 || operation.path == "/metrics", "{said}");
            if operation.method == "HEAD" {
                assert_eq!(status == StatusCode::FORBIDDEN, !may, "{said}");
                continue;
            }
            if status == StatusCode::FORBIDDEN {
                let slug = problem(response, StatusCode::FORBIDDEN).await;
                // Oneself one changes where one is signed in.
                let about_oneself = slug == "session-needed" && path.starts_with("/api/session/");
                let is_refused = !may && slug == "not-for-your-role" || slug == "read-only" && role == Role::Wall;
                assert!(is_refused || about_oneself, "{said} {slug}");
            } else {
                assert!(may, "{said}");
            }
        }
        let nobody = town.server.client.request(method, town.server.url(&path)).send().await.unwrap();
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(nobody.headers().contains_key("www-authenticate"));
    }
}
