//! One attempt over HTTP: no longer than it may take, no more read than is needed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;

use super::address::Resolver;
use super::render::Outgoing;
use crate::service::ServiceError;

/// So much of an answer is read, bytes.
const READ_BYTES: usize = 4096;
/// How long an answer that nobody needs is read, so that its connection can be used again.
const LEFTOVER: Duration = Duration::from_millis(500);

/// What makes an answer of status 2xx a success.
#[derive(Debug, Clone, Copy)]
pub enum Accepts<'a> {
    /// The status alone.
    Status,
    /// An `errcode` of 0.
    ZeroErrcode,
    /// This text in it.
    Text(&'a str),
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Status of the answer, where one came.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
    /// What was wrong, in Chinese; never holds the address.
    pub fault: Option<String>,
}

/// What messages are sent with: redirects are not followed, and certain addresses not reached.
///
/// # Errors
/// When the machine has no certificates to trust.
pub fn client() -> Result<Client, ServiceError> {
    // Whoever needs TLS first sets it up for the whole program; that it is set already is no fault.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .dns_resolver(Arc::new(Resolver))
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(30))
        .user_agent(concat!("yitu/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| ServiceError::Internal(format!("HTTP client: {e:?}")))
}

/// Sends, and judges the answer.
pub async fn send(client: &Client, outgoing: Outgoing, timeout: Duration, accepts: Accepts<'_>) -> Sent {
    let begun = Instant::now();
    let mut status = None;
    let fault = match tokio::time::timeout(timeout, exchange(client, outgoing, accepts, &mut status)).await {
        Ok(outcome) => outcome.err(),
        Err(_) => Some(format!("{} 秒内没有应答完", timeout.as_secs_f32())),
    };
    Sent { status, took: begun.elapsed(), fault }
}

async fn exchange(
    client: &Client,
    outgoing: Outgoing,
    accepts: Accepts<'_>,
    status: &mut Option<u16>,
) -> Result<(), String> {
    let mut request = client.request(outgoing.method, outgoing.url).body(outgoing.body);
    for (name, value) in outgoing.headers {
        request = request.header(name, value);
    }
    let mut answer = request.send().await.map_err(|e| unreachable(&e.without_url()))?;
    *status = Some(answer.status().as_u16());
    if answer.status().is_redirection() {
        return Err(format!("应答 {}:要求转到别处,不跟随", answer.status().as_u16()));
    }
    if !answer.status().is_success() {
        return Err(format!("应答 {}", answer.status().as_u16()));
    }
    if let Accepts::Status = accepts {
        // It has arrived, whatever else is said about it.
        let _ = tokio::time::timeout(LEFTOVER, read(&mut answer)).await;
        return Ok(());
    }
    let body = read(&mut answer).await.map_err(|e| unreachable(&e.without_url()))?;
    judge(&body, accepts)
}

fn judge(body: &[u8], accepts: Accepts<'_>) -> Result<(), String> {
    match accepts {
        Accepts::Status => Ok(()),
        Accepts::ZeroErrcode => {
            let code = serde_json::from_slice(body).ok().and_then(|v: Value| v["errcode"].as_i64());
            match code {
                Some(0) => Ok(()),
                Some(code) => Err(format!("对方返回错误码 errcode {code}")),
                None => Err("应答中没有 errcode".to_owned()),
            }
        }
        Accepts::Text(text) if String::from_utf8_lossy(body).contains(text) => Ok(()),
        Accepts::Text(text) => Err(format!("应答中没有“{text}”")),
    }
}

async fn read(answer: &mut Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk[..chunk.len().min(READ_BYTES - body.len())]);
        if body.len() == READ_BYTES {
            break;
        }
    }
    Ok(body)
}

fn unreachable(error: &reqwest::Error) -> String {
    let what = if error.is_connect() {
        "连接不上"
    } else if error.is_builder() {
        "请求头或地址有误"
    } else if error.is_timeout() {
        "连接超时"
    } else {
        "连接中断"
    };
    // The innermost cause says most: refused, unknown name, certificate.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("{what}:{cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robots_errcode_and_a_gateways_word_are_read() {
        assert_eq!(judge(br#"{"errcode":0,"errmsg":"ok"}"#, Accepts::ZeroErrcode), Ok(()));
        assert!(judge(br#"{"errcode":45009}"#, Accepts::ZeroErrcode).is_err_and(|f| f.contains("45009")));
        assert!(judge(b"<html>", Accepts::ZeroErrcode).is_err());
        assert_eq!(judge(b"code=SUCCESS", Accepts::Text("SUCCESS")), Ok(()));
        assert!(judge(b"code=FAIL", Accepts::Text("SUCCESS")).is_err());
    }
}
