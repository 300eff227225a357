//! A load of tiles over HTTP/1.1: so many connections kept alive on one thread, each asking as soon as it was
//! answered. Written on bare sockets, so that it takes little of the processors it shares with what it measures.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yitu::geo::TileId;

use crate::quantiles;

pub const CONNECTIONS: usize = 8;

/// One answered tile.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    pub zoom: u8,
    /// From the first byte asked to the last byte answered.
    pub time: Duration,
    /// Of the body.
    pub bytes: usize,
}

/// What a load came to.
#[derive(Debug)]
pub struct Load {
    pub lasted: Duration,
    pub answered: Vec<Answered>,
}

impl Load {
    /// Tiles a second.
    pub fn rate(&self) -> f64 {
        self.answered.len() as f64 / self.lasted.as_secs_f64()
    }

    /// Median and 99th percentile of the answers at some zooms.
    pub fn times(&self, zooms: std::ops::RangeInclusive<u8>) -> (Duration, Duration) {
        let mut times: Vec<_> = self.answered.iter().filter(|a| zooms.contains(&a.zoom)).map(|a| a.time).collect();
        quantiles(&mut times)
    }

    /// Body bytes of one turn through the list.
    pub fn bytes_a_turn(&self, tiles: usize) -> usize {
        self.answered.iter().map(|a| a.bytes).sum::<usize>() / (self.answered.len() / tiles)
    }
}

/// Hands out a list again and again, in whole turns, until the time is over: every tile counts the same.
#[derive(Debug)]
pub struct Turns {
    tiles: Vec<TileId>,
    begun: Instant,
    least: Duration,
    /// How many were handed out, and whether that is all.
    state: Mutex<(usize, bool)>,
}

impl Turns {
    pub fn new(tiles: &[TileId], least: Duration) -> Self {
        Self { tiles: tiles.to_vec(), begun: Instant::now(), least, state: Mutex::new((0, false)) }
    }

    pub fn next(&self) -> Option<TileId> {
        let mut state = self.state.lock().unwrap();
        let at = state.0 % self.tiles.len();
        state.1 |= at == 0 && state.0 > 0 && self.begun.elapsed() >= self.least;
        if state.1 {
            return None;
        }
        state.0 += 1;
        Some(self.tiles[at])
    }

    pub fn done(&self, answered: Vec<Answered>) -> Load {
        Load { lasted: self.begun.elapsed(), answered }
    }
}

/// How a server names a tile.
pub type PathOf = fn(TileId) -> String;

/// Asks for the tiles over [`CONNECTIONS`], in whole turns, for at least so long, after one turn that is not counted.
pub fn run(address: SocketAddr, tiles: &[TileId], path: PathOf, least: Duration) -> Load {
    turns(address, tiles, path, Duration::ZERO);
    turns(address, tiles, path, least)
}

/// The same without the first turn.
pub fn turns(address: SocketAddr, tiles: &[TileId], path: PathOf, least: Duration) -> Load {
    // A thread of its own: nothing else of the bench runs between two answers.
    let turns_of = Turns::new(tiles, least);
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async move {
            let turns = Rc::new(turns_of);
            let one = || tokio::task::spawn_local(connection(address, path, turns.clone()));
            let tasks: Vec<_> = (0..CONNECTIONS).map(|_| one()).collect();
            let mut answered = Vec::new();
            for task in tasks {
                answered.extend(task.await.unwrap());
            }
            turns.done(answered)
        })
    };
    std::thread::spawn(work).join().unwrap()
}

async fn connection(address: SocketAddr, path: PathOf, turns: Rc<Turns>) -> Vec<Answered> {
    let mut connection = Connection::open(address).await;
    let mut answered = Vec::new();
    while let Some(tile) = turns.next() {
        let begun = Instant::now();
        let bytes = connection.get(&path(tile), None).await;
        answered.push(Answered { zoom: tile.z(), time: begun.elapsed(), bytes });
    }
    answered
}

/// One connection that is kept alive.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    host: String,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; 1 << 16], host: address.to_string() }
    }

    /// The length of the body answered, 0 where there is none; kept in `body` when asked to.
    pub async fn get(&mut self, path: &str, mut body: Option<&mut Vec<u8>>) -> usize {
        let asked =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n\r\n", self.host);
        self.stream.write_all(asked.as_bytes()).await.unwrap();
        let mut filled = 0;
        let head = loop {
            let n = self.stream.read(&mut self.buffer[filled..]).await.unwrap();
            assert!(n > 0, "{path}: the connection was closed");
            // The end of the head may lie across two reads.
            let from = filled.saturating_sub(3);
            filled += n;
            if let Some(at) = self.buffer[from..filled].windows(4).position(|w| w == b"\r\n\r\n") {
                break from + at + 4;
            }
        };
        let length = body_length(path, &self.buffer[..head]);
        let mut got = filled - head;
        if let Some(body) = body.as_deref_mut() {
            body.clear();
            body.extend_from_slice(&self.buffer[head..filled]);
        }
        while got < length {
            let n = self.stream.read(&mut self.buffer).await.unwrap();
            assert!(n > 0, "{path}: the connection was closed");
            got += n;
            if let Some(body) = body.as_deref_mut() {
                body.extend_from_slice(&self.buffer[..n]);
            }
        }
        assert_eq!(got, length, "{path}: more than was asked for");
        length
    }
}

/// Of an answer's head; anything but a tile or an empty tile ends the run.
fn body_length(path: &str, head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).unwrap();
    let status = head.get(9..12).unwrap_or_default();
    if status == "204" {
        return 0;
    }
    assert_eq!(status, "200", "{path}: {head}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        assert!(!name.eq_ignore_ascii_case("content-encoding"), "{path}: encoded: {head}");
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    length.unwrap_or_else(|| panic!("{path}: no length: {head}"))
}
