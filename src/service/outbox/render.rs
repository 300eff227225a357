//! A message in the form its receiver understands.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::address;
use super::message::{ASKED_NAMES, Message, NAMES, plain};
use super::secrets::Secrets;
use crate::access::signature;
use crate::db::receiver::ReceiverRow;
use crate::domain::receiver::ReceiverKind;

/// Longest Markdown a 企业微信 robot takes, bytes; 钉钉's takes more.
const MARKDOWN_BYTES: usize = 4096;
/// What stands for the secret in a template, so that the template itself holds none.
pub const SECRET: &str = "secret";

/// A request that is ready to be sent. It holds secrets, so it is never printed.
pub struct Outgoing {
    /// Method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Vec<u8>,
}

/// Writes a message for a receiver, signed as of an instant.
///
/// # Errors
/// What is wrong with the receiver's settings, in Chinese.
pub fn outgoing(
    receiver: &ReceiverRow,
    secrets: &Secrets,
    message: &Message<'_>,
    at: DateTime<Utc>,
) -> Result<Outgoing, String> {
    let kind = ReceiverKind::from_code(&receiver.kind).ok_or("接收方类型不存在")?;
    let id = message.row.id.to_string();
    let secret = secrets.secret.as_deref();
    let template = receiver.template.as_deref();
    let mut headers = secrets.headers.clone();
    let mut method = Method::POST;
    let mut url = address::read(&secrets.url).map_err(|e| e.zh);
    let body = match kind {
        ReceiverKind::Yitu | ReceiverKind::Exchange => message.json().to_string(),
        ReceiverKind::Wecom => {
            let text = cut(&words(template, message), MARKDOWN_BYTES);
            json!({"msgtype": "markdown", "markdown": {"content": text}}).to_string()
        }
        ReceiverKind::Dingtalk => {
            if let (Ok(url), Some(secret)) = (&mut url, secret) {
                let millis = at.timestamp_millis();
                let sign = signature::dingtalk(secret, millis);
                url.query_pairs_mut().append_pair("timestamp", &millis.to_string()).append_pair("sign", &sign);
            }
            let markdown = json!({"title": message.title(), "text": words(template, message)});
            json!({"msgtype": "markdown", "markdown": markdown}).to_string()
        }
        ReceiverKind::Template => {
            method = receiver.method.parse().map_err(|_| "请求方法有误")?;
            let fill = |text: &str, escape| fill(text, escape, message, secret);
            url = address::read(&fill(&secrets.url, percent)).map_err(|e| e.zh);
            for value in headers.values_mut() {
                *value = fill(value, plain);
            }
            template.map(|t| fill(t, escape_of(&secrets.headers))).unwrap_or_default()
        }
    };
    headers.entry("content-type".to_owned()).or_insert_with(|| "application/json; charset=utf-8".to_owned());
    if let Some(key) = secret.filter(|_| kind.is_signed()).and_then(signature::key_of) {
        let seconds = at.timestamp();
        headers.insert("webhook-signature".to_owned(), signature::standard(&key, &id, seconds, body.as_bytes()));
        headers.insert("webhook-timestamp".to_owned(), seconds.to_string());
    }
    headers.insert("webhook-id".to_owned(), id);
    Ok(Outgoing { method, url: url?, headers, body: body.into_bytes() })
}

fn words(template: Option<&str>, message: &Message<'_>) -> String {
    template.map_or_else(|| message.markdown(), |t| fill(t, plain, message, None))
}

/// As much of a text as fits, whole characters.
fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// What stands in braces in a text: `{number}`. JSON's own braces hold more than small letters.
pub fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        (!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')).then_some(name)
    })
}

/// Whether a template may name this, given what its receiver asks for; the field it would have to ask for, if not.
///
/// # Errors
/// `Some(field)` that is not asked for, `None` where there is no such name.
pub fn may_name(name: &str, fields: &[String]) -> Result<(), Option<&'static str>> {
    if name == SECRET || NAMES.contains(&name) {
        return Ok(());
    }
    let (_, field) = ASKED_NAMES.iter().find(|(asked, _)| *asked == name).ok_or(None)?;
    if fields.iter().any(|f| f == field) { Ok(()) } else { Err(Some(field)) }
}

/// A text with what it names in braces put in, escaped for where it stands.
fn fill(text: &str, escape: fn(&str) -> String, message: &Message<'_>, secret: Option<&str>) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let named = after.split_once('}').and_then(|(name, rest)| {
            let value = if name == SECRET { secret.map(str::to_owned) } else { message.value(name) };
            Some((value?, rest))
        });
        if let Some((value, after)) = named {
            out.push_str(&escape(&value));
            rest = after;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out + rest
}

/// How values are written into a body of this type.
fn escape_of(headers: &BTreeMap<String, String>) -> fn(&str) -> String {
    let of_type = headers.get("content-type").map_or("", String::as_str);
    match of_type {
        t if t.contains("x-www-form-urlencoded") => percent,
        t if t.contains("xml") => xml,
        t if t.is_empty() || t.contains("json") => in_json,
        _ => str::to_owned,
    }
}

/// Whether the body of a template is JSON.
#[must_use]
pub fn is_json(headers: &BTreeMap<String, String>) -> bool {
    escape_of(headers)("\"") == "\\\""
}

fn in_json(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn xml(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&apos;")
}

fn percent(value: &str) -> String {
    use std::fmt::Write;
    value.bytes().fold(String::with_capacity(value.len() * 3), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            // Writing to a String never fails.
            let _ = write!(out, "%{b:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_the_place_they_are_put_in() {
        assert_eq!(in_json("a\"b\\c\n"), r#"a\"b\\c\n"#);
        assert_eq!(xml("<a href='x'>"), "&lt;a href=&apos;x&apos;&gt;");
        assert_eq!(percent("村 a&b=c"), "%E6%9D%91%20a%26b%3Dc");
        assert_eq!(plain("<@all> [x](http://y)"), "\u{ff1c}\u{ff20}all\u{ff1e} \u{ff3b}x\u{ff3d}(http://y)");
    }

    #[test]
    fn names_in_braces_are_told_from_json() {
        let text = r#"{"a": {"n": {number}, "x": "{urgency_name}{"}}"#;
        assert_eq!(named(text).collect::<Vec<_>>(), ["number", "urgency_name"]);
        assert_eq!(may_name("number", &[]), Ok(()));
        assert_eq!(may_name("lon", &[]), Err(Some("position")));
        assert_eq!(may_name("nummer", &[]), Err(None));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("网格", 4), "网");
        assert_eq!(cut("网格", 60), "网格");
    }
}
