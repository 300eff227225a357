//! The server's certificate and its key, as they lie in two files, and taken anew when those change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;

/// How often the files are looked at.
const LOOKED_AT: Duration = Duration::from_secs(2);
/// What is spoken inside, the best first.
const SPOKEN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why a certificate cannot be served.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// One of the two is not named.
    #[error("只设置了 {given},还缺 {missing}:证书与私钥要一起给出(PEM 文件的路径)。")]
    Half {
        /// The setting that is there.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A file cannot be read.
    #[error("{setting}={path} 读不出来:{cause}。请检查路径,并让运行 yitu 的用户可读。")]
    Read {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A file holds something else.
    #[error("{setting}={path} 里没有可用的{what}:{cause}。请给出 PEM 格式的文件({head})。")]
    Content {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// How that begins.
        head: &'static str,
        /// Why it is not.
        cause: String,
    },
    /// The two do not belong together.
    #[error(
        "证书 {certificate} 与私钥 {key} 不是一对:{cause}。请换成同一次签发的证书与私钥,证书文件里本机的证书放在最前。"
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
        /// What does not fit.
        cause: String,
    },
}

/// The pair that is served, and where it comes from.
#[derive(Debug)]
pub struct Certificate {
    chain_file: PathBuf,
    key_file: PathBuf,
    served: RwLock<Arc<CertifiedKey>>,
    /// Digest of the files as they were when last looked at, good or not.
    seen: Mutex<[u8; 32]>,
}

impl Certificate {
    /// The configured pair; none where TLS is not set up.
    ///
    /// # Errors
    /// When the files cannot be read, or do not hold a certificate and its key.
    pub fn open(config: &Config) -> Result<Option<Self>, CertificateError> {
        let half = |given, missing| Err(CertificateError::Half { given, missing });
        let (chain_file, key_file) = match (&config.tls_certificate, &config.tls_key) {
            (None, None) => return Ok(None),
            (Some(_), None) => return half("tls_certificate", "tls_key"),
            (None, Some(_)) => return half("tls_key", "tls_certificate"),
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        };
        let files = Files::read(&chain_file, &key_file)?;
        let pair = files.pair(&chain_file, &key_file)?;
        let (served, seen) = (RwLock::new(Arc::new(pair)), Mutex::new(files.digest()));
        Ok(Some(Self { chain_file, key_file, served, seen }))
    }

    /// What connections are served with: TLS 1.2 and 1.3.
    ///
    /// # Errors
    /// When the library does not know these versions.
    pub fn settings(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth();
        let mut settings = builder.with_cert_resolver(Arc::<Self>::clone(self));
        settings.alpn_protocols = SPOKEN.map(<[u8]>::to_vec).to_vec();
        Ok(settings)
    }

    /// Looks at the files again and again, and whenever the program is told to (SIGHUP).
    pub async fn follow(self: Arc<Self>) {
        let mut told = signal(SignalKind::hangup()).ok();
        loop {
            let is_told = tokio::select! {
                () = tokio::time::sleep(LOOKED_AT) => false,
                Some(()) = async { match &mut told { Some(told) => told.recv().await, None => std::future::pending().await } } => true,
            };
            let this = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || this.look(is_told)).await.is_err() {
                tracing::error!("the certificate is not looked at any more");
                return;
            }
        }
    }

    /// Takes the pair over where it has changed; what cannot be served is told once and leaves what there is.
    fn look(&self, is_told: bool) {
        let (found, digest) = match Files::read(&self.chain_file, &self.key_file) {
            Ok(files) => (files.pair(&self.chain_file, &self.key_file), files.digest()),
            Err(error) => (Err(error), [0; 32]),
        };
        let is_known = std::mem::replace(&mut *self.seen.lock(), digest) == digest;
        match found {
            _ if is_known && !is_told => {}
            Ok(pair) => {
                *self.served.write() = Arc::new(pair);
                tracing::info!(certificate = %self.chain_file.display(), "certificate taken over");
            }
            Err(error) => tracing::error!(%error, "the certificate there was is kept"),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.served.read()))
    }
}

/// What the two files hold.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let read = |setting, path: &Path| {
            std::fs::read(path).map_err(|cause| CertificateError::Read { setting, path: path.to_owned(), cause })
        };
        Ok(Self { certificate: read("tls_certificate", certificate)?, key: read("tls_key", key)? })
    }

    fn digest(&self) -> [u8; 32] {
        let length = (self.certificate.len() as u64).to_be_bytes();
        Sha256::new().chain_update(length).chain_update(&self.certificate).chain_update(&self.key).finalize().into()
    }

    fn pair(&self, certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
        let no_chain = |cause: String| CertificateError::Content {
            setting: "tls_certificate",
            path: certificate.to_owned(),
            what: "证书",
            head: "-----BEGIN CERTIFICATE-----",
            cause,
        };
        let chain = CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|e| no_chain(e.to_string()))?;
        if chain.is_empty() {
            return Err(no_chain("没有证书".to_owned()));
        }
        let no_key = |cause: String| CertificateError::Content {
            setting: "tls_key",
            path: key.to_owned(),
            what: "私钥",
            head: "-----BEGIN PRIVATE KEY-----,不带口令",
            cause,
        };
        let secret = PrivateKeyDer::from_pem_slice(&self.key).map_err(|e| no_key(e.to_string()))?;
        let signing = ring::sign::any_supported_type(&secret).map_err(|e| no_key(e.to_string()))?;
        let pair = CertifiedKey::new(chain, signing);
        match pair.keys_match() {
            Ok(()) => Ok(pair),
            Err(cause) => Err(CertificateError::Mismatch {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
                cause: cause.to_string(),
            }),
        }
    }
}
