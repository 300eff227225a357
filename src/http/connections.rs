//! Connections: taken in, served, and let go when they only cost.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

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
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::certificate::Certificate;
use super::watched::Watched;
use super::{app, metrics};
use crate::access::throttle::network;
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
        let traffic = Arc::new(Traffic::default());
        let noted = Arc::clone(&traffic);
        let answer = tower::service_fn(move |mut request: Request<Incoming>| {
            noted.asked();
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(stopping.clone());
            let answer = app.clone().oneshot(request.map(Body::new));
            let traffic = Arc::clone(&noted);
            // A stream's signs of life are shorter than any answer.
            async move { Ok::<_, Infallible>(answer.await?.map(|body| Watched::body(body, move || traffic.asked()))) }
        });
        let stream = TokioIo::new(Noted { of: stream, traffic: Arc::clone(&traffic) });
        let connection = protocols.serve_connection(stream, TowerToHyperService::new(answer));
        // Apart, so that it is not moved about: a server keeps ten thousands of them.
        let mut connection = Box::pin(watcher.watch(connection.into_owned()));
        let mut look = pin!(tokio::time::sleep(FIRST));
        loop {
            tokio::select! {
                served = &mut connection => {
                    if let Err(error) = served {
                        tracing::debug!(%error, %peer, "connection ended");
                    }
                    return;
                }
                () = &mut look => {
                    let Some(left) = traffic.left() else {
                        tracing::debug!(%peer, "nothing passes");
                        return;
                    };
                    look.as_mut().reset(tokio::time::Instant::now() + left);
                }
            }
        }
    }
}

/// When something last passed over a connection. Whoever asks nothing and takes nothing, but says that it is there
/// (HTTP/2 does by itself), has no need of it.
#[derive(Debug)]
struct Traffic {
    begun: Instant,
    /// Milliseconds since then; 0 until the first question.
    last: AtomicU64,
}

/// Writes of fewer bytes are no answers: an HTTP/2 ping is 17.
const LEAST_WRITE: usize = 64;

impl Default for Traffic {
    fn default() -> Self {
        Self { begun: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl Traffic {
    fn asked(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now.max(1), Ordering::Relaxed);
    }

    fn wrote(&self, bytes: usize) {
        if bytes >= LEAST_WRITE && self.last.load(Ordering::Relaxed) > 0 {
            self.asked();
        }
    }

    /// How much longer nothing need pass; nothing when it took too long already.
    fn left(&self) -> Option<Duration> {
        let last = self.last.load(Ordering::Relaxed);
        let until = if last == 0 { FIRST } else { Duration::from_millis(last) + NEXT };
        until.checked_sub(self.begun.elapsed()).filter(|left| !left.is_zero())
    }
}

/// A connection's stream, whose writes are noted.
struct Noted<T> {
    of: T,
    traffic: Arc<Traffic>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Noted<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.of).poll_read(cx, into)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Noted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.of).poll_write(cx, bytes).map_ok(|wrote| {
            self.traffic.wrote(wrote);
            wrote
        })
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.of).poll_write_vectored(cx, bytes).map_ok(|wrote| {
            self.traffic.wrote(wrote);
            wrote
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.of.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.of).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.of).poll_shutdown(cx)
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
