//! Connections: taken in, served, and let go when they only cost.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::certificate::Certificate;
use super::{app, metrics};
use crate::service::Yitu;

/// How long a client may take to agree on a key, and then to ask its first question.
const FIRST: Duration = Duration::from_secs(20);
/// How long it may take from an answer to the next question: longer than proxies keep their connections, a minute, so that
/// none is closed just as it is used.
const NEXT: Duration = Duration::from_secs(75);
/// How often an HTTP/2 client with nothing to say is asked whether it is there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(20);
/// How long those under way may take to finish when the server stops.
const LAST: Duration = Duration::from_secs(20);
/// Files that are not clients': the county's, the database's connections.
const OWN_FILES: usize = 512;
/// Clients at a time, where the system allows as many files.
const MOST: usize = 32_768;

/// Told to every request: comes when the server is to stop, so that what has no end by itself ends then.
#[derive(Debug, Clone)]
pub(super) struct Stopping(watch::Receiver<()>);

impl Stopping {
    /// Waits for it.
    pub(super) async fn comes(mut self) {
        // Nothing is ever sent; the sender is let go.
        while self.0.changed().await.is_ok() {}
    }
}

/// Serves until `stop` resolves, then lets the requests under way finish; over TLS where there is a certificate.
///
/// # Errors
/// When the certificate cannot be served.
pub async fn serve(
    mut listener: TcpListener,
    certificate: Option<Certificate>,
    yitu: Yitu,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let tls = certificate.map(Arc::new);
    let acceptor = match &tls {
        Some(certificate) => Some(TlsAcceptor::from(Arc::new(certificate.settings().map_err(std::io::Error::other)?))),
        None => None,
    };
    let mut beside = tokio::task::JoinSet::new();
    beside.spawn(metrics::gather());
    if let Some(certificate) = tls {
        beside.spawn(certificate.follow());
    }
    let places = Places::for_files(most_files(), yitu.config.behind_proxy);
    let (stopping, told) = watch::channel(());
    let server = Server { app: app(yitu), acceptor, protocols: protocols(), stopping: Stopping(told) };
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        // With every place taken, whoever comes waits in the system's queue.
        let taken = async {
            let place = places.free().await;
            (place, Listener::accept(&mut listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            taken = taken => taken,
            () = &mut stop => break,
        };
        if let Some(place) = places.take(place, peer.ip()) {
            server.clone().connection(stream, peer, place, graceful.watcher());
        } else {
            tracing::debug!(%peer, "too many connections from one address");
        }
    }
    drop((listener, stopping));
    if tokio::time::timeout(LAST, graceful.shutdown()).await.is_err() {
        tracing::warn!("stopped with requests under way");
    }
    Ok(())
}

fn protocols() -> auto::Builder<TokioExecutor> {
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    protocols.http1().timer(TokioTimer::new()).header_read_timeout(NEXT);
    protocols.http2().timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(PING);
    protocols
}

/// What every connection is served with.
#[derive(Clone)]
struct Server {
    app: Router,
    acceptor: Option<TlsAcceptor>,
    protocols: auto::Builder<TokioExecutor>,
    stopping: Stopping,
}

impl Server {
    /// Serves a client in a task of its own.
    fn connection(self, stream: TcpStream, peer: SocketAddr, place: Place, watcher: Watcher) {
        // Events and answers are small and must not wait for more.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = self.acceptor.clone() else {
            tokio::spawn(self.speak(stream, peer, place, watcher));
            return;
        };
        tokio::spawn(async move {
            match tokio::time::timeout(FIRST, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => drop(tokio::spawn(self.speak(stream, peer, place, watcher))),
                Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS"),
                Err(_) => tracing::debug!(%peer, "no TLS in time"),
            }
        });
    }

    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        _place: Place,
        watcher: Watcher,
    ) {
        let Self { app, protocols, stopping, .. } = self;
        let asked = Arc::new(AtomicBool::new(false));
        let first = Arc::clone(&asked);
        let answer = tower::service_fn(move |mut request: Request<Incoming>| {
            first.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(stopping.clone());
            app.clone().oneshot(request.map(Body::new))
        });
        let connection = protocols.serve_connection(TokioIo::new(stream), TowerToHyperService::new(answer));
        // Apart, so that it is not moved about: a server keeps ten thousands of them.
        let mut connection = Box::pin(watcher.watch(connection.into_owned()));
        // The protocols' own limits begin once it is known which one is spoken.
        let served = tokio::select! {
            served = &mut connection => served,
            () = tokio::time::sleep(FIRST) => {
                if !asked.load(Ordering::Relaxed) {
                    tracing::debug!(%peer, "nothing asked in time");
                    return;
                }
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, %peer, "connection ended");
        }
    }
}

/// The files this process may have open: as many as the system lets it ask for.
fn most_files() -> usize {
    let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    let open = if setrlimit(Resource::RLIMIT_NOFILE, most, most).is_ok() { most } else { now };
    usize::try_from(open).unwrap_or(usize::MAX)
}

/// How many clients there may be: at a time, and from one address.
#[derive(Debug, Clone)]
struct Places {
    free: Arc<Semaphore>,
    /// One address must not take the places of all others.
    most_of_one: usize,
    taken: Taken,
    behind_proxy: bool,
}

/// How many places addresses have.
type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

impl Places {
    fn for_files(files: usize, behind_proxy: bool) -> Self {
        let places = files.saturating_sub(OWN_FILES).clamp(64, MOST);
        let (free, taken) = (Arc::new(Semaphore::new(places)), Arc::default());
        Self { free, most_of_one: places / 4, taken, behind_proxy }
    }

    async fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    /// A place for an address; none when it has its share. Of this machine and of a proxy come many.
    fn take(&self, permit: Option<OwnedSemaphorePermit>, address: IpAddr) -> Option<Place> {
        if self.behind_proxy || address.to_canonical().is_loopback() {
            return Some(Place { _permit: permit, of: None });
        }
        let network = network(address);
        let mut taken = self.taken.lock();
        let count = taken.entry(network).or_default();
        if *count >= self.most_of_one {
            return None;
        }
        *count += 1;
        Some(Place { _permit: permit, of: Some((network, Arc::clone(&self.taken))) })
    }
}

/// An address; of IPv6 the network, since one machine has all addresses of it (RFC 4291 §2.5.4: 64 bits).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// One client's place, free again when it goes.
#[derive(Debug)]
struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    of: Option<(IpAddr, Taken)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((network, taken)) = self.of.take() else { return };
        let mut taken = taken.lock();
        if let Some(count) = taken.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_does_not_take_every_place() {
        let places = Places::for_files(OWN_FILES + 64, false);
        let take = async |address: &str| {
            let permit = places.free().await;
            places.take(permit, address.parse().expect("an address"))
        };
        let mut held = Vec::new();
        for _ in 0..16 {
            held.push(take("10.1.2.3").await.expect("a place"));
        }
        assert!(take("10.1.2.3").await.is_none() && take("::ffff:10.1.2.3").await.is_none());
        let other = take("10.1.2.4").await.expect("a place");
        assert!(take("::1").await.is_some());
        held.pop();
        held.push(take("10.1.2.3").await.expect("a place"));
        for host in 0..16 {
            held.push(take(&format!("fd00::{host}")).await.expect("a place"));
        }
        assert!(take("fd00::ffff").await.is_none() && take("fd00:0:0:1::1").await.is_some());
        drop((held, other));
        assert!(places.taken.lock().is_empty());
        assert_eq!(places.free.available_permits(), 64);
    }

    #[tokio::test]
    async fn with_every_place_taken_the_next_waits() {
        let places = Places::for_files(0, true);
        let mut held = Vec::new();
        for _ in 0..64 {
            let permit = places.free().await;
            held.push(places.take(permit, IpAddr::from([10, 1, 2, 3])));
        }
        let next = places.free();
        assert!(tokio::time::timeout(Duration::from_millis(20), next).await.is_err());
        held.pop();
        assert!(places.free().await.is_some());
    }
}
