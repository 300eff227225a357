//! Pages for people, and the description of the API.

use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE};
use serde_json::{Value, json};

use crate::support::{TestDatabase, TestServer};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The page's text, once it is seen that it runs and fetches nothing of others.
async fn safe(page: reqwest::Response) -> String {
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.unwrap();
    assert!(html.starts_with("<!doctype html><html lang=\"zh-CN\"") && html.contains("界线仅供工作参考"), "{html}");
    assert!(!html.contains("<script") && !html.contains("style=\""), "{html}");
    for source in html.split(" src=\"").skip(1).chain(html.split("<link ").skip(1)) {
        assert!(!source.split('>').next().unwrap().contains("http"), "from elsewhere: {source}");
    }
    html
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_page_and_leads_to_its_other_form() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let nasty = "<script>alert(1)</script>\"'&名";
    let village = "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM region WHERE level = 'village' LIMIT 1) v";
    let (lon, lat): (f64, f64) = sqlx::query_as(village).fetch_one(&database.databases.migrator).await.unwrap();
    let made = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": {"name": nasty, "kind": "clinic"}});
    let made = server.client.post(server.url("/ogc/collections/venue/items")).json(&made).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let item = made.headers()["location"].to_str().unwrap().strip_prefix(&server.url("")).unwrap().to_owned();
    for path in [
        "/ogc",
        "/ogc/conformance",
        "/ogc/collections",
        "/ogc/collections/venue",
        "/ogc/collections/venue/items?limit=5&sortby=-id",
        &item,
        "/ogc/collections/venue/queryables",
        "/ogc/collections/venue/sortables",
        "/ogc/collections/venue/tiles",
        "/ogc/collections/venue/tiles/WebMercatorQuad",
        "/ogc/tileMatrixSets",
        "/ogc/tileMatrixSets/WebMercatorQuad",
    ] {
        let page = server.client.get(server.url(path)).header(ACCEPT, BROWSER).send().await.unwrap();
        assert_eq!(
            (page.status().as_u16(), &page.headers()["content-type"]),
            (200, &"text/html; charset=utf-8".parse().unwrap()),
            "{path}"
        );
        let html = safe(page).await;
        // The same question, each way.
        let form = if path.contains('?') { "&f=html" } else { "?f=html" };
        let asked = server.get(&format!("{path}{form}")).await.text().await.unwrap();
        assert!(asked.starts_with("<!doctype html>"), "{path}");
        if path.ends_with("ables") {
            continue;
        }
        let own = server.get_json(path).await;
        let links = own["links"].as_array().unwrap();
        let find = |rel: &str| links.iter().find(|l| l["rel"] == rel).unwrap();
        assert_eq!(find("alternate")["href"], server.url(&format!("{path}{form}")));
        assert_eq!(find("self")["href"], server.url(path));
        assert!(html.contains(&format!("href=\"{}", server.url(path).replace('&', "&amp;"))), "{path}");
    }
    let page = server.client.get(server.url(&item)).header(ACCEPT, BROWSER);
    let english = page.header(ACCEPT_LANGUAGE, "en").send().await.unwrap().text().await.unwrap();
    assert!(
        english.contains("<html lang=\"en\"")
            && english.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;名")
    );
    let style = server.get("/ogc/page.css").await;
    assert!(style.text().await.unwrap().contains("--accent"));
}

/// What it says can be asked for can be asked for.
#[tokio::test(flavor = "multi_thread")]
async fn the_description_leads_to_what_there_is() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let landing = server.get_json("/ogc").await;
    let links = landing["links"].as_array().unwrap();
    let described = links.iter().find(|l| l["rel"] == "service-desc").unwrap();
    let answer = server.client.get(described["href"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], described["type"].as_str().unwrap());
    let document: Value = answer.json().await.unwrap();
    assert_eq!(document["openapi"], "3.0.3");
    let base = document["servers"][0]["url"].as_str().unwrap();
    let id = server.get_json("/ogc/collections/venue/items?limit=1").await["features"][0]["id"].to_string();
    for (path, operations) in document["paths"].as_object().unwrap() {
        if operations.get("get").is_none() {
            continue;
        }
        let mut url = format!("{base}{path}");
        let values = [
            ("collectionId", "venue"),
            ("featureId", &id),
            ("tileMatrixSetId", "WebMercatorQuad"),
            ("tileMatrix", "10"),
            ("tileRow", "436"),
            ("tileCol", "845"),
        ];
        for (name, value) in values {
            url = url.replace(&format!("{{{name}}}"), value);
        }
        let answer = server.client.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert!(
            operations["get"]["responses"]["200"]["content"].get(kind).is_some(),
            "{url} answers {kind}: {operations}"
        );
    }
    let parameters = &document["paths"]["/collections/venue/items"]["get"]["parameters"];
    let kind = parameters.as_array().unwrap().iter().find(|p| p["name"] == "kind").unwrap();
    assert!(kind["schema"]["enum"].as_array().unwrap().contains(&"clinic".into()), "{kind}");
    let doc = links.iter().find(|l| l["rel"] == "service-doc").unwrap();
    let page = server.client.get(doc["href"].as_str().unwrap()).send().await.unwrap();
    assert!(page.status().is_success() && page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
}
