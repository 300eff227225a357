//! Configuration: one TOML file, then `YITU_…` variables over it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

/// Everything that can be set. `yitu config check` prints it with its sources.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen. Loopback unless told otherwise.
    pub listen: SocketAddr,
    /// Folder of everything that is kept: the embedded database, keys, uploads.
    pub data_dir: PathBuf,
    /// The county's own PostgreSQL, as the schema's owner; without it Yitu runs its own.
    pub database_url: Option<String>,
    /// The same database as the login `yitu_request`; without it the owner's login assumes that role.
    pub request_database_url: Option<String>,
    /// The same database as the login `yitu_system`; without it the owner's login assumes that role.
    pub system_database_url: Option<String>,
    /// Connections for requests: unless set, two a core and two more. More of them only wait for each other.
    pub request_connections: u32,
    /// Folder of the layers' tile settings; without it those built in.
    pub tiles_config_dir: Option<PathBuf>,
    /// Memory for encoded tiles, bytes; 0 renders every tile anew.
    pub tile_cache_bytes: u64,
    /// Where photos are kept, as `s3://bucket/prefix`, with address and keys in `AWS_…` variables; without it in the
    /// data folder.
    pub photos_url: Option<String>,
    /// The certificate HTTPS is served with, its own first, then those that vouch for it: a PEM file.
    pub tls_certificate: Option<PathBuf>,
    /// Its key: a PEM file without a password.
    pub tls_key: Option<PathBuf>,
    /// All requests come through a proxy of the county's own, which says over TLS or not, and from where
    /// (`X-Forwarded-Proto`, `X-Forwarded-For`).
    pub behind_proxy: bool,
    /// The county's identity server (OpenID Connect), by its issuer's address; without it people sign in by password.
    pub oidc_issuer: Option<String>,
    /// What this server is called there.
    pub oidc_client_id: Option<String>,
    /// File of the secret shared with it; without it this server is a public client.
    pub oidc_client_secret_file: Option<PathBuf>,
    /// What the button on the sign-in page says.
    pub oidc_name: String,
    /// What tells the name of somebody's account there, once.
    pub oidc_account_claim: String,
    /// Requests a second that one account may make; 0 is as many as come.
    pub requests_per_second: u32,
    /// Days after its end that an incident keeps its words, photos and who reported it; 0 is until they are erased by hand.
    pub incident_kept_days: u32,
    /// Log lines: `json` or `text`.
    pub log_format: LogFormat,
    /// Log filter, such as `info` or `yitu=debug`.
    pub log: String,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8520)),
            data_dir: PathBuf::from("data"),
            database_url: None,
            request_database_url: None,
            system_database_url: None,
            request_connections: connections(),
            tiles_config_dir: None,
            tile_cache_bytes: 256 << 20,
            photos_url: None,
            tls_certificate: None,
            tls_key: None,
            behind_proxy: false,
            oidc_issuer: None,
            oidc_client_id: None,
            oidc_client_secret_file: None,
            oidc_name: "统一身份认证".to_owned(),
            oidc_account_claim: "preferred_username".to_owned(),
            requests_per_second: 1000,
            incident_kept_days: 0,
            log_format: LogFormat::Json,
            log: "info,sqlx=warn".to_owned(),
        }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("配置文件 {path} 读不出来:{source}。请检查路径与权限。")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("配置文件 {path} 有误:{message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's message with line and column.
        message: String,
    },
    /// A variable's value is not what it should be.
    #[error("环境变量 {name}={value:?} 有误:{message}")]
    Variable {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// What is wrong.
        message: String,
    },
}

impl Config {
    /// Whether the program itself serves HTTPS.
    #[must_use]
    pub fn serves_tls(&self) -> bool {
        self.tls_certificate.is_some() && self.tls_key.is_some()
    }

    /// Whether what is said over the network can be overheard.
    #[must_use]
    pub fn is_overheard(&self) -> bool {
        !(self.listen.ip().is_loopback() || self.behind_proxy || self.serves_tls())
    }

    /// Reads the file (the given one, or `yitu.toml` where it exists), then the variables.
    ///
    /// # Errors
    /// When the file cannot be read, or a setting is unknown or has the wrong form.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let default_file = Path::new("yitu.toml");
        let path = file.or_else(|| default_file.exists().then_some(default_file));
        let mut table = match path {
            None => toml::Table::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
                text.parse().map_err(|e: toml::de::Error| ConfigError::Parse {
                    path: path.to_owned(),
                    message: e.to_string(),
                })?
            }
        };
        // The file alone first, so that its mistakes are told as the file's.
        if let Some(path) = path {
            parse(&table).map_err(|message| ConfigError::Parse { path: path.to_owned(), message })?;
        }
        for (name, value) in variables {
            let key = match name.as_str() {
                "DATABASE_URL" => "database_url".to_owned(),
                _ => match name.strip_prefix("YITU_") {
                    // For the build, the tests and the demo scripts.
                    Some(rest) if !rest.starts_with("TEST_") => rest.to_lowercase(),
                    _ => continue,
                },
            };
            table.insert(key.clone(), typed(&key, &value));
            parse(&table).map_err(|message| ConfigError::Variable {
                name: name.clone(),
                value: shown(&key, &value),
                message,
            })?;
        }
        Ok(parse(&table).unwrap_or_default())
    }
}

fn connections() -> u32 {
    std::thread::available_parallelism().map_or(4, |cores| 2 * cores.get() as u32 + 2)
}

/// A variable is text; numbers are given to the parser as numbers.
fn typed(key: &str, value: &str) -> toml::Value {
    match key {
        "request_connections" | "tile_cache_bytes" | "requests_per_second" | "incident_kept_days" => {
            value.parse().map_or_else(|_| toml::Value::String(value.to_owned()), toml::Value::Integer)
        }
        "behind_proxy" => value.parse().map_or_else(|_| toml::Value::String(value.to_owned()), toml::Value::Boolean),
        _ => toml::Value::String(value.to_owned()),
    }
}

/// A connection address may hold a password.
fn shown(key: &str, value: &str) -> String {
    if key.ends_with("database_url") { "…".to_owned() } else { value.to_owned() }
}

fn parse(table: &toml::Table) -> Result<Config, String> {
    table.clone().try_into().map_err(|e: toml::de::Error| e.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn variables_override_and_bad_ones_are_named() {
        let config = Config::load(None, variables(&[("YITU_TILE_CACHE_BYTES", "0"), ("HOME", "/")])).expect("loads");
        assert_eq!(config.tile_cache_bytes, 0);
        let error = Config::load(None, variables(&[("YITU_LISTEN", "nowhere")])).expect_err("refused");
        assert!(error.to_string().contains("YITU_LISTEN"), "{error}");
        let error = Config::load(None, variables(&[("YITU_LISTENN", "127.0.0.1:1")])).expect_err("refused");
        assert!(error.to_string().contains("listenn"), "{error}");
    }

    #[test]
    fn a_password_is_never_shown() {
        let error = Config::load(None, variables(&[("YITU_LOG_FORMAT", "xml")])).expect_err("refused");
        assert!(error.to_string().contains("xml"));
        assert_eq!(shown("database_url", "postgres://u:secret@h/d"), "…");
    }
}
