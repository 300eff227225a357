//! Receivers as they are set up, and the forms they understand.

use serde_json::{Value, json};

use crate::Desk;
use crate::hook::{Behaviour, Hook, hmac_base64};

/// The slug of a refusal and its first field.
async fn refused(desk: &Desk, settings: Value) -> (u16, String) {
    let answer = desk.server.post_json("/api/webhooks", &settings).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn what_a_receiver_is_reached_with_is_kept_sealed() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::Ok("")).await;
    let more = json!({"headers": {"Authorization": "Bearer geheim"}});
    let made = desk.signed(&hook, "平台", more).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    let path = format!("/api/webhooks/{}", made["id"]);
    let shown = desk.server.get_json(&path).await;
    let listed = desk.server.get_json("/api/webhooks").await;
    for text in [shown.to_string(), listed.to_string()] {
        assert!(!text.contains("geheim") && !text.contains("whsec_") && !text.contains("/hook"), "{text}");
        assert!(text.contains("http://127.0.0.1:"), "{text}");
    }
    let stored: String = desk.one("SELECT r::text || encode(r.sealed, 'escape') FROM webhook_receiver r").await;
    assert!(!stored.contains("geheim") && !stored.contains(&secret[6..]), "{stored}");

    // A change keeps what is left out, and needs the version that was seen.
    let change = |version: i32| json!({"name": "平台二", "kind": "yitu", "expected_version": version});
    let put = |body: Value| desk.server.client.put(desk.server.url(&path)).json(&body).send();
    assert_eq!(put(json!({"name": "平台二", "kind": "yitu"})).await.unwrap().status(), 428);
    let changed = put(change(1)).await.unwrap();
    assert_eq!(changed.status(), 200);
    assert_eq!(changed.json::<Value>().await.unwrap()["version"], 2);
    assert_eq!(put(change(1)).await.unwrap().status(), 412);
    desk.reported("0301").await;
    desk.pass_all().await;
    let message = &hook.received()[0];
    assert_eq!((message.header("authorization"), message.uri.query()), ("Bearer geheim", Some("token=geheim")));
    let over = [message.id(), ".", message.header("webhook-timestamp"), "."].concat();
    let over = [over.as_bytes(), &message.body].concat();
    let signed = format!("v1,{}", hmac_base64(&crate::hook::key_bytes(&secret), &over));
    assert_eq!(message.header("webhook-signature"), signed);

    let gone = |query: &str| desk.server.client.delete(desk.server.url(&format!("{path}{query}"))).send();
    assert_eq!(gone("").await.unwrap().status(), 428);
    assert_eq!(gone("?expected_version=1").await.unwrap().status(), 412);
    assert_eq!(gone("?expected_version=2").await.unwrap().status(), 204);
    assert_eq!(gone("?expected_version=2").await.unwrap().status(), 404);
    assert!(desk.notifications("").await.is_empty());
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_by_field() {
    let desk = Desk::open().await;
    let good = json!({"name": "甲", "kind": "template", "url": "https://gw.example/send"});
    let with = |more: Value| {
        let mut settings = good.clone();
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        settings
    };
    let cases = [
        (json!({"name": " "}), "/name"),
        (json!({"url": "ftp://gw.example/"}), "/url"),
        (json!({"url": "gw.example"}), "/url"),
        (json!({"url": "http://169.254.169.254/latest/meta-data"}), "/url"),
        (json!({"url": "http://[fe80::1]/"}), "/url"),
        (json!({"url": "http://{village}.example/"}), "/url"),
        (json!({"timeout_seconds": 0}), "/timeout_seconds"),
        (json!({"timeout_seconds": 3600}), "/timeout_seconds"),
        (json!({"subscription": {"actions": ["report"]}}), "/subscription/actions/0"),
        (json!({"subscription": {"urgencies": ["urgent", "soon"]}}), "/subscription/urgencies/1"),
        (json!({"subscription": {"categories": ["没有"]}}), "/subscription/categories"),
        (json!({"subscription": {"regions": [999_999_999]}}), "/subscription/regions"),
        (json!({"subscription": {"units": [999_999_999]}}), "/subscription/units"),
        (json!({"fields": ["phone"]}), "/fields/0"),
        (json!({"template": "{\"a\": \"{nummer}\"}"}), "/template"),
        (json!({"template": "{\"a\": \"{description}\"}"}), "/template"),
        (json!({"template": "{\"a\": \"{number}\""}), "/template"),
        (json!({"method": "DELETE"}), "/method"),
        (json!({"headers": {"webhook-id": "1"}}), "/headers/webhook-id"),
        (json!({"headers": {"x": "a\nb"}}), "/headers/x"),
        (json!({"kind": "exchange"}), "/external_system"),
        (json!({"external_system": "12345"}), "/external_system"),
        (json!({"kind": "yitu", "secret": "kurz"}), "/secret"),
        (json!({"kind": "yitu", "template": "{number}"}), "/template"),
        (json!({"kind": "wecom", "secret": "x"}), "/secret"),
    ];
    for (more, pointer) in cases {
        assert_eq!(refused(&desk, with(more.clone())).await, (400, pointer.to_owned()), "{more}");
    }
    desk.receiver(good.clone()).await;
    assert_eq!(refused(&desk, good.clone()).await, (409, "/name".to_owned()));
    let unknown = desk.server.get("/api/notifications?state=lost").await;
    assert_eq!(unknown.status(), 400);
}

#[tokio::test]
async fn robots_of_wecom_and_dingtalk_are_spoken_to_in_their_own_form() {
    let desk = Desk::open().await;
    let wecom = Hook::open(Behaviour::Ok(r#"{"errcode":0,"errmsg":"ok"}"#)).await;
    let dingtalk = Hook::open(Behaviour::Ok(r#"{"errcode":310000,"errmsg":"sign not match"}"#)).await;
    desk.receiver(json!({"name": "微信群", "kind": "wecom", "url": wecom.url(), "fields": ["description"]})).await;
    desk.receiver(json!({"name": "钉钉群", "kind": "dingtalk", "url": dingtalk.url(), "secret": "SECabc",
                         "template": "{number}号:{category_name}({unit})"}))
        .await;
    let mut body = desk.body("0301").await;
    body["description"] = json!("<@all> 见[这里](http://x)\n**急**");
    let made = desk.report(body).await;
    desk.pass_all().await;

    let message = wecom.received()[0].json();
    assert_eq!(message["msgtype"], "markdown");
    let words = message["markdown"]["content"].as_str().unwrap();
    assert!(words.starts_with(&format!("**【分派】第 {} 号 {}**", made.number, made.category_name)), "{words}");
    assert!(words.contains("> 状态:待签收") && words.contains(&made.owner.unit_name), "{words}");
    assert!(words.contains("> 签收时限:11月25日 09:00"), "{words}");
    assert!(!words.contains("<@all>") && !words.contains("](http") && !words.contains("**急"), "{words}");

    let sent = &dingtalk.received()[0];
    let markdown = sent.json()["markdown"].clone();
    assert_eq!(markdown["text"], format!("{}号:{}({})", made.number, made.category_name, made.owner.unit_name));
    let query: Vec<(String, String)> =
        reqwest::Url::parse(&format!("http://x{}", sent.uri)).unwrap().query_pairs().into_owned().collect();
    let millis = desk.yitu().clock.now().timestamp_millis().to_string();
    let sign = hmac_base64(b"SECabc", format!("{millis}\nSECabc").as_bytes());
    assert_eq!(
        query,
        [("token", "geheim"), ("timestamp", &millis), ("sign", &sign)].map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    let pending = desk.notifications("state=pending").await;
    assert_eq!(pending.len(), 1, "an errcode is a failure though the status is 200");
    assert!(pending[0]["fault"].as_str().unwrap().contains("310000"));
    assert_eq!(desk.notifications("state=delivered").await.len(), 1);
}

#[tokio::test]
async fn gateways_are_spoken_to_by_template_and_values_stay_in_their_place() {
    let desk = Desk::open().await;
    let (json_gateway, form, query) = (
        Hook::open(Behaviour::Ok("code=1")).await,
        Hook::open(Behaviour::Ok("")).await,
        Hook::open(Behaviour::Ok("")).await,
    );
    desk.receiver(json!({"name": "上级平台", "kind": "template", "url": json_gateway.url(), "method": "PUT",
        "headers": {"X-App": "{secret}"}, "secret": "app-key", "fields": ["description"], "expect": "code=0",
        "template": "{\"no\": {number}, \"text\": \"{description}\", \"state\": {\"code\": \"{state}\"}}"}))
        .await;
    desk.receiver(json!({"name": "短信网关", "kind": "template", "url": form.url(), "fields": ["description"],
        "headers": {"Content-Type": "application/x-www-form-urlencoded"}, "template": "key={secret}&msg={description}", "secret": "a&b"}))
        .await;
    desk.receiver(json!({"name": "老网关", "kind": "template", "url": format!("{}&msg={{category_name}}", query.url()), "method": "GET"}))
        .await;
    let mut body = desk.body("0301").await;
    body["description"] = json!("他说\"急\"&{secret}\n快");
    let made = desk.report(body).await;
    desk.pass_all().await;
    let sent = &json_gateway.received()[0];
    assert_eq!((sent.method.as_str(), sent.header("x-app")), ("PUT", "app-key"));
    let want = json!({"no": made.number, "text": "他说\"急\"&{secret}\n快", "state": {"code": "pending_accept"}});
    assert_eq!(sent.json(), want);
    let pending = desk.notifications("state=pending").await;
    assert!(pending.len() == 1 && pending[0]["fault"].as_str().unwrap().contains("code=0"), "{pending:?}");
    let sent = String::from_utf8(form.received()[0].body.to_vec()).unwrap();
    let read: Vec<(String, String)> =
        reqwest::Url::parse(&format!("http://x/?{sent}")).unwrap().query_pairs().into_owned().collect();
    let want = [("key", "a&b"), ("msg", "他说\"急\"&{secret}\n快")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(read, want);
    let sent = &query.received()[0];
    let url = reqwest::Url::parse(&format!("http://x{}", sent.uri)).unwrap();
    assert_eq!(sent.method, "GET");
    assert_eq!(url.query_pairs().find(|(k, _)| k == "msg").unwrap().1, made.category_name);
}

#[tokio::test]
async fn a_receiver_can_be_tried_out() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::Ok("")).await;
    let receiver = desk.signed(&hook, "平台", json!({"enabled": false})).await;
    let path = format!("/api/webhooks/{}/test", receiver["id"]);
    let tried: Value = desk.server.post_json(&path, &json!({})).await.json().await.unwrap();
    assert_eq!((&tried["delivered"], &tried["status"]), (&json!(true), &json!(200)));
    assert_eq!(hook.received()[0].json()["type"], "incident.test");
    hook.now(Behaviour::Status(401));
    let tried: Value = desk.server.post_json(&path, &json!({})).await.json().await.unwrap();
    assert_eq!((&tried["delivered"], &tried["status"]), (&json!(false), &json!(401)));
    let closed = desk.receiver(json!({"name": "关", "kind": "wecom", "url": "http://127.0.0.1:9/x?key=geheim"})).await;
    let path = format!("/api/webhooks/{}/test", closed["id"]);
    let tried: Value = desk.server.post_json(&path, &json!({})).await.json().await.unwrap();
    let fault = tried["fault"].as_str().unwrap();
    assert!(fault.contains("连接不上") && !fault.contains("geheim"), "{fault}");
    assert!(desk.notifications("").await.is_empty(), "it is kept nowhere");
}
