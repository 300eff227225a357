//! How the county's identity server is reached, and what this server is there.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use openidconnect::url::{Host, Url};
use openidconnect::{ClientId, ClientSecret, IssuerUrl};
use thiserror::Error;

use crate::config::Config;

/// Why the identity server cannot be asked.
#[derive(Debug, Error)]
pub enum OidcError {
    /// Half of it is set.
    #[error("设置了 {given},还缺 {missing}。通过统一身份认证登录,至少要设 oidc_issuer 与 oidc_client_id。")]
    Half {
        /// A setting that is there.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// The address is not one of a server that can be trusted.
    #[error(
        "oidc_issuer={0} 不能用:应为 https:// 开头的地址,不带查询参数,如 https://id.example.gov.cn/realms/county(只有本机的可用 http)。"
    )]
    Issuer(String),
    /// The file of the secret.
    #[error("oidc_client_secret_file={path} 读不出来:{cause}。请检查路径,并让运行 yitu 的用户可读。")]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is empty.
    #[error("oidc_client_secret_file={0} 是空的:请写入身份认证系统发给本系统的密钥;不用密钥则不设此项。")]
    NoSecret(PathBuf),
    /// No client can be made.
    #[error("不能建立到身份认证系统的连接设置:{0}")]
    Client(String),
}

/// What is set.
#[derive(Debug)]
pub(super) struct Settings {
    /// What the button says.
    pub name: String,
    pub issuer: IssuerUrl,
    pub client_id: ClientId,
    pub secret: Option<ClientSecret>,
    /// The claim with the account's name.
    pub claim: String,
}

impl Settings {
    /// Those of a configuration; none where no identity server is set.
    pub(super) fn of(config: &Config) -> Result<Option<Self>, OidcError> {
        let (issuer, client_id) = match (&config.oidc_issuer, &config.oidc_client_id) {
            (Some(issuer), Some(client_id)) => (issuer, client_id),
            (Some(_), None) => return Err(OidcError::Half { given: "oidc_issuer", missing: "oidc_client_id" }),
            (None, Some(_)) => return Err(OidcError::Half { given: "oidc_client_id", missing: "oidc_issuer" }),
            (None, None) if config.oidc_client_secret_file.is_some() => {
                return Err(OidcError::Half { given: "oidc_client_secret_file", missing: "oidc_issuer" });
            }
            (None, None) => return Ok(None),
        };
        let bad = || OidcError::Issuer(issuer.clone());
        let url = Url::parse(issuer).map_err(|_| bad())?;
        // OpenID Connect Discovery 1.0 §4.1: no query, no fragment.
        if !is_trusted(&url) || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(bad());
        }
        let secret = config.oidc_client_secret_file.as_ref().map(|path| {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|cause| OidcError::Secret { path: path.clone(), cause })?;
            let text = text.trim();
            if text.is_empty() {
                Err(OidcError::NoSecret(path.clone()))
            } else {
                Ok(ClientSecret::new(text.to_owned()))
            }
        });
        Ok(Some(Self {
            name: config.oidc_name.clone(),
            issuer: IssuerUrl::new(issuer.clone()).map_err(|_| bad())?,
            client_id: ClientId::new(client_id.clone()),
            secret: secret.transpose()?,
            claim: config.oidc_account_claim.clone(),
        }))
    }
}

/// Whether what is said there cannot be overheard or altered: over TLS, or on this machine.
pub(super) fn is_trusted(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_over_tls_or_on_this_machine() {
        let said = |issuer: &str| {
            let config = Config {
                oidc_issuer: Some(issuer.to_owned()),
                oidc_client_id: Some("yitu".to_owned()),
                ..Config::default()
            };
            Settings::of(&config).map(|s| s.is_some()).map_err(|e| e.to_string())
        };
        for good in ["https://id.county/realms/a", "http://127.0.0.1:8080", "http://[::1]/", "http://localhost:1"] {
            assert_eq!(said(good), Ok(true), "{good}");
        }
        for bad in [
            "http://id.county",
            "http://127.0.0.1.evil.example",
            "ftp://id.county",
            "https://id.county?a=1",
            "https://u@id.county",
            "id.county",
            "http://localhost.evil",
        ] {
            assert!(said(bad).is_err_and(|e| e.contains(bad)), "{bad}");
        }
        assert!(Settings::of(&Config::default()).is_ok_and(|s| s.is_none()));
        let half = Config { oidc_client_id: Some("yitu".to_owned()), ..Config::default() };
        assert!(Settings::of(&half).is_err_and(|e| e.to_string().contains("oidc_issuer")));
    }
}
