//! What may be wrong with a receiver's settings.

use serde_json::Value;

use super::save::Receiver;
use crate::access::signature::key_of;
use crate::domain::Problem;
use crate::domain::incident::{Action, Urgency};
use crate::domain::receiver::ReceiverKind;
use crate::service::incident::check::{check_name, check_text};
use crate::service::outbox::address;
use crate::service::outbox::message::FIELDS;
use crate::service::outbox::render::{is_json, may_name, named};
use crate::service::outbox::secrets::Secrets;

const METHODS: [&str; 3] = ["POST", "PUT", "GET"];
const LONGEST_TEMPLATE: usize = 10_000;
const MOST_OF_A_LIST: usize = 1000;
/// Headers that are ours to write, or that would change how the message is read.
const OUR_HEADERS: [&str; 8] = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
];

/// Checks the settings; the first fault is told.
///
/// # Errors
/// The fault, naming its field.
pub fn check(body: &Receiver, secrets: &Secrets) -> Result<(), Problem> {
    check_name("/name", &body.name, 100)?;
    if !(1.0..=60.0).contains(&body.timeout_seconds) {
        return Err(Problem::bad_field(
            "/timeout_seconds",
            format!("超时 {} 秒应在 1 到 60 之间", body.timeout_seconds),
            format!("A timeout of {} s should lie between 1 and 60", body.timeout_seconds),
        ));
    }
    check_subscription(body)?;
    check_for_kind(body, secrets)?;
    check_headers(secrets)?;
    check_templates(body, secrets)?;
    check_address(secrets)
}

fn one_of(pointer: &str, value: &str, all: &[&str]) -> Result<(), Problem> {
    if all.contains(&value) {
        return Ok(());
    }
    Err(Problem::bad_field(
        pointer,
        format!("没有“{value}”,可用的有:{}", all.join("、")),
        format!("There is no {value:?}; there are: {}", all.join(", ")),
    ))
}

fn check_subscription(body: &Receiver) -> Result<(), Problem> {
    let told = &body.subscription;
    // A report is told by the step that follows it in the same instant.
    let actions: Vec<&str> = Action::ALL.iter().filter(|a| **a != Action::Report).map(|a| a.code()).collect();
    let urgencies: Vec<&str> = Urgency::ALL.iter().map(|u| u.code()).collect();
    for (n, action) in told.actions.iter().enumerate() {
        one_of(&format!("/subscription/actions/{n}"), action, &actions)?;
    }
    for (n, urgency) in told.urgencies.iter().enumerate() {
        one_of(&format!("/subscription/urgencies/{n}"), urgency, &urgencies)?;
    }
    for (n, code) in told.categories.iter().enumerate() {
        check_name(&format!("/subscription/categories/{n}"), code, 64)?;
    }
    check_fields(&body.fields)?;
    let longest = [told.categories.len(), told.regions.len(), told.units.len()].into_iter().max().unwrap_or_default();
    if longest > MOST_OF_A_LIST {
        return Err(Problem::bad_field(
            "/subscription",
            format!("一项条件最多列 {MOST_OF_A_LIST} 个,现有 {longest} 个;全部都要的,留空即可"),
            format!("A list holds at most {MOST_OF_A_LIST} entries, not {longest}; leave it empty for all"),
        ));
    }
    Ok(())
}

/// Whether all of what a receiver is to be told beyond the least can be.
pub(super) fn check_fields(fields: &[String]) -> Result<(), Problem> {
    fields.iter().enumerate().try_for_each(|(n, field)| one_of(&format!("/fields/{n}"), field, &FIELDS))
}

fn check_for_kind(body: &Receiver, secrets: &Secrets) -> Result<(), Problem> {
    use ReceiverKind as K;
    let system = body.external_system.as_deref().filter(|s| !s.trim().is_empty());
    match (body.kind, system) {
        (K::Exchange, None) => {
            return Err(Problem::bad_field(
                "/external_system",
                "exchange 类接收方须写明对应的外部系统,如 12345",
                "A receiver of kind exchange names the system it belongs to, such as 12345",
            ));
        }
        (K::Exchange, Some(system)) => check_text("/external_system", system, 64)?,
        (_, Some(_)) => {
            return Err(Problem::bad_field(
                "/external_system",
                "只有 exchange 类接收方对应外部系统",
                "Only a receiver of kind exchange belongs to another system",
            ));
        }
        (_, None) => {}
    }
    let secret = secrets.secret.as_deref();
    match (body.kind, secret) {
        (K::Yitu | K::Exchange, secret) if secret.is_none_or(|s| key_of(s).is_none()) => Err(Problem::bad_field(
            "/secret",
            "密钥应为 whsec_ 加 24 至 64 字节的 Base64(Standard Webhooks);不填则自动生成",
            "The secret is whsec_ and 24 to 64 bytes in Base64 (Standard Webhooks); left out, one is made",
        )),
        (K::Wecom, Some(_)) => Err(Problem::bad_field(
            "/secret",
            "企业微信机器人的密钥在地址的 key 参数里,不必另填",
            "The secret of a robot of this kind is the key in its address; give none beside it",
        )),
        (_, Some(secret)) => check_text("/secret", secret, 500),
        (_, None) => Ok(()),
    }
}

fn check_headers(secrets: &Secrets) -> Result<(), Problem> {
    for (name, value) in &secrets.headers {
        let pointer = format!("/headers/{name}");
        if OUR_HEADERS.contains(&name.as_str()) {
            return Err(Problem::bad_field(
                pointer,
                format!("请求头 {name} 由系统填写,请删去"),
                format!("The header {name} is written by the system; remove it"),
            ));
        }
        let good = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
            && reqwest::header::HeaderValue::from_str(value).is_ok();
        if !good || value.len() > 4000 || secrets.headers.len() > 30 {
            return Err(Problem::bad_field(
                pointer,
                format!("请求头 {name} 的名称或值有误:最多 30 个,不能换行,值不超过 4000 字节"),
                format!("The header {name:?} is not valid: at most 30, no line breaks, values of at most 4000 bytes"),
            ));
        }
    }
    Ok(())
}

fn check_templates(body: &Receiver, secrets: &Secrets) -> Result<(), Problem> {
    let is_template = body.kind == ReceiverKind::Template;
    if let Some(method) = &body.method {
        let methods = if is_template { &METHODS[..] } else { &METHODS[..1] };
        one_of("/method", method, methods)?;
    }
    let template = body.template.as_deref().unwrap_or_default();
    check_text("/template", template, LONGEST_TEMPLATE)?;
    check_text("/expect", body.expect.as_deref().unwrap_or_default(), 200)?;
    if !template.is_empty() && matches!(body.kind, ReceiverKind::Yitu | ReceiverKind::Exchange) {
        return Err(Problem::bad_field(
            "/template",
            "yitu、exchange 类的消息格式固定,不用模板;需要别的字段请列入 fields",
            "Messages of the kinds yitu and exchange have a fixed form; list what else you need in fields",
        ));
    }
    let mut texts = vec![("/template", template)];
    if is_template {
        texts.push(("/url", &secrets.url));
        texts.extend(secrets.headers.values().map(|v| ("/headers", v.as_str())));
    }
    for (pointer, text) in texts {
        for name in named(text) {
            may_name(name, &body.fields).map_err(|field| not_nameable(pointer, name, field))?;
        }
    }
    if is_template && is_json(&secrets.headers) && !template.is_empty() {
        // Where values stand, in strings or as numbers, a digit is right.
        let sample = named(template).fold(template.to_owned(), |t, name| t.replace(&format!("{{{name}}}"), "1"));
        serde_json::from_str::<Value>(&sample).map_err(|e| {
            Problem::bad_field(
                "/template",
                format!(
                    "模板不是有效的 JSON(第 {} 行第 {} 列);别的格式请在 headers 里写明 content-type",
                    e.line(),
                    e.column()
                ),
                format!("The template is not valid JSON ({e}); for another form say its content-type in headers"),
            )
        })?;
    }
    Ok(())
}

fn not_nameable(pointer: &str, name: &str, field: Option<&str>) -> Problem {
    match field {
        Some(field) => Problem::bad_field(
            pointer,
            format!("用了 {{{name}}},须先在 fields 里列入 {field}"),
            format!("It names {{{name}}}; list {field} in fields first"),
        ),
        None => Problem::bad_field(
            pointer,
            format!("没有 {{{name}}} 这一项,请核对写法"),
            format!("There is no {{{name}}}; check its spelling"),
        ),
    }
}

fn check_address(secrets: &Secrets) -> Result<(), Problem> {
    let url = address::read(&secrets.url).map_err(|fault| Problem::bad_field("/url", fault.zh, fault.en))?;
    if secrets.url.len() > 2000 {
        return Err(Problem::bad_field("/url", "地址长于 2000 字节", "The address is longer than 2000 bytes"));
    }
    // A value must not choose the host.
    if url.origin().ascii_serialization().contains(['{', '}', '%']) {
        return Err(Problem::bad_field(
            "/url",
            "主机名里不能有 {…},只能写在路径或参数里",
            "The host cannot hold {…}; put it into the path or the query",
        ));
    }
    Ok(())
}
