//! How the identity server is asked: in time, over a line that can be trusted, and read no further than is needed.

use std::pin::Pin;
use std::time::Duration;

use openidconnect::url::Url;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::Client;
use reqwest::redirect::Policy;
use thiserror::Error;

use super::settings::{OidcError, is_trusted};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// So much of an answer is read, bytes.
const READ_BYTES: usize = 1 << 20;

/// Why a question came to nothing.
#[derive(Debug, Error)]
pub(super) enum HttpFault {
    #[error("{0} is neither over TLS nor on this machine")]
    Overheard(String),
    #[error("an answer of more than {READ_BYTES} bytes")]
    TooLong,
    #[error("{0:?}")]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Form(#[from] http::Error),
}

/// Asks the identity server.
#[derive(Debug, Clone)]
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new() -> Result<Self, OidcError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(Policy::none())
            // It stands in the county's own network.
            .no_proxy()
            .timeout(PATIENCE)
            .user_agent(concat!("yitu/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(|e| OidcError::Client(format!("{e:?}")))
    }

    pub(super) async fn ask(self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        let request = reqwest::Request::try_from(request)?;
        if !Url::parse(request.url().as_str()).is_ok_and(|url| is_trusted(&url)) {
            return Err(HttpFault::Overheard(request.url().origin().ascii_serialization()));
        }
        let mut answer = self.0.execute(request).await.map_err(reqwest::Error::without_url)?;
        let mut builder = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            builder = builder.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + chunk.len() > READ_BYTES {
                return Err(HttpFault::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(builder.body(body)?)
    }
}

impl AsyncHttpClient<'_> for Http {
    type Error = HttpFault;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpFault>> + Send>>;

    fn call(&self, request: HttpRequest) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}
