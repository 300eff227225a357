//! HTTPS by the program itself, spoken to by real clients.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::tls::Version;
use reqwest::{Client, StatusCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use yitu::config::Config;
use yitu::http::certificate::{Certificate, CertificateError};
use yitu::service::access::demo::{self, PASSWORD};
use yitu::service::startup;

use crate::support::TestDatabase;
use crate::told;

/// Who vouches for the certificates of a test.
pub struct Authority {
    root: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "某县测试根");
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().pem();
        Self { root, issuer: Issuer::new(params, key) }
    }

    /// A certificate for this machine and its key.
    pub fn pair(&self) -> (String, String) {
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    pub fn client(&self, min: Version, max: Version) -> Client {
        let root = reqwest::Certificate::from_pem(self.root.as_bytes()).unwrap();
        let builder = Client::builder().tls_certs_only([root]).timeout(Duration::from_secs(20));
        builder.tls_version_min(min).tls_version_max(max).build().unwrap()
    }

    /// A connection of its own.
    async fn connect(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.root.as_bytes()).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

/// The certificate a connection was served with.
fn served(connection: &TlsStream<TcpStream>) -> Vec<u8> {
    connection.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// A request on a connection that stays open; the status line of its answer.
async fn ask(connection: &mut TlsStream<TcpStream>) -> String {
    let request = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = connection.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).lines().next().unwrap().to_owned()
}

/// A server over TLS with the demo county and its accounts.
struct Secure {
    authority: Authority,
    address: SocketAddr,
    folder: TempDir,
    first: (String, String),
    task: tokio::task::JoinHandle<()>,
}

impl Secure {
    async fn open() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let first = authority.pair();
        let config = settings(&folder, &first);
        let certificate = Certificate::open(&config).unwrap().unwrap();
        let database = TestDatabase::with_demo().await;
        let yitu = startup::start(config, database.databases.clone()).await.unwrap();
        demo::accounts(&yitu).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = yitu::http::serve(listener, Some(certificate), yitu, std::future::pending());
        let task = tokio::spawn(async move { serving.await.unwrap() });
        Self { authority, address, folder, first, task }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    fn client(&self) -> Client {
        self.authority.client(Version::TLS_1_2, Version::TLS_1_3)
    }

    /// Waits until new connections get this certificate.
    async fn until_served(&self, pem: &str) {
        let begun = Instant::now();
        while served(&self.authority.connect(self.address).await) != der(pem) {
            assert!(begun.elapsed() < Duration::from_secs(10), "the new certificate is not served");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn write(folder: &TempDir, pair: &(String, String)) {
    std::fs::write(folder.path().join("cert.pem"), &pair.0).unwrap();
    std::fs::write(folder.path().join("key.pem"), &pair.1).unwrap();
}

fn settings(folder: &TempDir, pair: &(String, String)) -> Config {
    write(folder, pair);
    let file = |name: &str| Some(folder.path().join(name));
    Config {
        tls_certificate: file("cert.pem"),
        tls_key: file("key.pem"),
        data_dir: folder.path().join("data"),
        ..Config::default()
    }
}

#[tokio::test]
async fn a_page_and_a_sign_in_over_tls_and_nothing_but_tls() {
    let server = Secure::open().await;
    let client = server.client();
    let page = client.get(server.url("/sign-in")).send().await.unwrap();
    assert_eq!((page.status(), page.version()), (StatusCode::OK, reqwest::Version::HTTP_2));
    assert_eq!(page.headers()["strict-transport-security"], "max-age=31536000");
    let body = json!({"name": "duty_officer", "password": PASSWORD});
    let response = client.post(server.url("/api/session")).json(&body).send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-yitu_session=yitu_") && cookie.contains("; Secure"), "{cookie}");
    told(response, StatusCode::OK).await;
    let cookie = cookie.split(';').next().unwrap();
    // Whatever the browser says of a proxy: there is none.
    let ask = client.get(server.url("/tiles/grid.json")).header("cookie", cookie).header("x-forwarded-proto", "http");
    let tiles: Value = told(ask.header("x-forwarded-host", "elsewhere").send().await.unwrap(), StatusCode::OK).await;
    let address = tiles["tiles"][0].as_str().unwrap();
    assert!(address.starts_with(&server.url("/tiles/grid/")), "{address}");
    let first = reqwest::get(format!("http://{}/sign-in", server.address)).await;
    assert!(first.is_err(), "in the clear nothing is answered");
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let server = Secure::open().await;
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let client = server.authority.client(version, version);
        assert_eq!(client.get(server.url("/health/live")).send().await.unwrap().status(), StatusCode::OK);
    }
    // The same client, but for the version it knows, is answered: a ServerHello in a handshake's record (22).
    assert_eq!(answer_to(&server, 3).await[..2], [22, 3]);
    for minor in [0, 1, 2] {
        // An alert (21), fatal (2): protocol_version (70), RFC 8446 §6.2.
        let answer = answer_to(&server, minor).await;
        assert_eq!((answer[0], &answer[5..7]), (21, [2, 70].as_slice()), "3.{minor}");
    }
}

async fn answer_to(server: &Secure, minor: u8) -> Vec<u8> {
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(&hello(minor)).await.unwrap();
    let mut answer = vec![0; 7];
    tokio::time::timeout(Duration::from_secs(5), client.read_exact(&mut answer)).await.unwrap().unwrap();
    answer
}

/// A client that knows no version after 3.`minor`: SSL 3.0, TLS 1.0, 1.1, 1.2 (RFC 5246 §7.4.1.2).
fn hello(minor: u8) -> Vec<u8> {
    let mut body = vec![3, minor];
    body.extend([7; 32]); // random
    body.push(0); // no session
    body.extend([0, 2, 0xc0, 0x2b, 1, 0]); // ECDHE-ECDSA with AES-128-GCM, no compression
    let extensions = [
        0, 10, 0, 4, 0, 2, 0, 29, // groups: X25519
        0, 13, 0, 4, 0, 2, 4, 3, // signatures: ECDSA with P-256 and SHA-256
        0, 11, 0, 2, 1, 0, // points: uncompressed
    ];
    body.extend([0, extensions.len() as u8]);
    body.extend(extensions);
    let mut message = vec![1, 0, 0, body.len() as u8];
    message.extend(body);
    let mut record = vec![22, 3, minor.min(1), 0, message.len() as u8];
    record.extend(message);
    record
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_broken_one_for_none() {
    let server = Secure::open().await;
    let mut old = server.authority.connect(server.address).await;
    assert_eq!(served(&old), der(&server.first.0));
    assert_eq!(ask(&mut old).await, "HTTP/1.1 200 OK");
    let second = server.authority.pair();
    write(&server.folder, &second);
    server.until_served(&second.0).await;
    assert_eq!(ask(&mut old).await, "HTTP/1.1 200 OK", "what was open goes on");
    // A key of another certificate, no certificate, none at all: what there was is served.
    let third = server.authority.pair();
    write(&server.folder, &(third.0.clone(), second.1.clone()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.until_served(&second.0).await;
    write(&server.folder, &("-----BEGIN NOTHING-----".to_owned(), third.1.clone()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.until_served(&second.0).await;
    std::fs::remove_file(server.folder.path().join("key.pem")).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.until_served(&second.0).await;
    write(&server.folder, &third);
    server.until_served(&third.0).await;
}

#[tokio::test]
async fn who_never_agrees_on_a_key_holds_up_nobody_and_is_let_go() {
    let server = Secure::open().await;
    let mut silent = Vec::new();
    for at in 0..200 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // Half of them begin and stop in the middle.
        if at % 2 == 0 {
            stream.write_all(&hello(3)[..20]).await.unwrap();
        }
        silent.push(stream);
    }
    let begun = Instant::now();
    let answer = server.client().get(server.url("/health/live")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for mut stream in silent {
        let end = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut [0; 64])).await;
        assert!(matches!(end.expect("let go"), Ok(0) | Err(_)));
    }
}

#[test]
fn a_pair_that_cannot_be_served_is_named_with_what_to_do() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let (one, other) = (authority.pair(), authority.pair());
    let good = settings(&folder, &one);
    assert!(Certificate::open(&good).unwrap().is_some());
    assert!(Certificate::open(&Config::default()).unwrap().is_none());
    let said = |config: &Config| Certificate::open(config).unwrap_err().to_string();
    let half = said(&Config { tls_key: None, ..good.clone() });
    assert!(half.contains("tls_certificate") && half.contains("还缺 tls_key"), "{half}");
    let nowhere = Config { tls_key: Some(PathBuf::from("/nowhere/key.pem")), ..good.clone() };
    assert!(said(&nowhere).contains("tls_key=/nowhere/key.pem 读不出来"), "{}", said(&nowhere));
    write(&folder, &(one.0.clone(), other.1.clone()));
    assert!(matches!(Certificate::open(&good), Err(CertificateError::Mismatch { .. })), "{}", said(&good));
    for (pair, setting) in [
        ((String::new(), one.1.clone()), "tls_certificate="),
        ((one.1.clone(), one.1.clone()), "tls_certificate="),
        ((one.0.clone(), String::new()), "tls_key="),
        ((one.0.clone(), one.0.clone()), "tls_key="),
    ] {
        write(&folder, &pair);
        let said = said(&good);
        assert!(said.starts_with(setting) && said.contains("PEM"), "{said}");
    }
}
