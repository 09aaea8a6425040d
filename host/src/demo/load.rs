//! Requests over keep-alive connections, and who answered them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::backends::SERVED_BY;

/// What became of some requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Successful responses by the backend that gave them.
    pub(super) served: BTreeMap<String, usize>,
    /// Requests without one, by the reason.
    pub(super) failures: BTreeMap<String, usize>,
}

impl Tally {
    /// How many requests have failed.
    pub(super) fn failed(&self) -> usize {
        self.failures.values().sum()
    }
}

/// When, in relation to the swap, a request began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Before = 0,
    During = 1,
    After = 2,
}

/// Sends this many requests in all and waits for their responses.
pub(super) fn send(address: SocketAddr, path: &str, connections: usize, requests: usize) -> Result<Tally> {
    let left = Cell::new(requests);
    let take = || {
        let more = left.get() > 0;
        left.set(left.get().saturating_sub(1));
        more.then_some(Phase::Before)
    };
    let [tally, ..] = block_on_connections(address, path, connections, take)?;
    Ok(tally)
}

/// Load that goes on in the background.
#[derive(Debug)]
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    phase: Arc<AtomicUsize>,
    thread: JoinHandle<Result<[Tally; 3]>>,
}

impl Load {
    pub(super) fn start(address: SocketAddr, path: String, connections: usize) -> Result<Self> {
        let (stop, phase) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stopped, now) = (Arc::clone(&stop), Arc::clone(&phase));
        let thread = std::thread::Builder::new().name("demo-load".into()).spawn(move || {
            let phases = [Phase::Before, Phase::During, Phase::After];
            let next = || (!stopped.load(Ordering::Relaxed)).then(|| phases[now.load(Ordering::Relaxed)]);
            block_on_connections(address, &path, connections, next)
        })?;
        Ok(Self { stop, phase, thread })
    }

    /// Requests that begin from now on count for this phase.
    pub(super) fn begin_phase(&self, phase: Phase) {
        self.phase.store(phase as usize, Ordering::Relaxed);
    }

    /// Ends the load. The tallies are those of the phases, in their order.
    pub(super) fn stop(self) -> Result<[Tally; 3]> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Keeps connections busy for as long as `next` gives each next request a phase.
fn block_on_connections(
    address: SocketAddr,
    path: &str,
    connections: usize,
    next: impl Fn() -> Option<Phase>,
) -> Result<[Tally; 3]> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let tallies = Rc::new(RefCell::new([(); 3].map(|()| Tally::default())));
    let drivers = LocalSet::new();
    let all = async {
        let mut busy = Vec::new();
        for _ in 0..connections {
            busy.push(keep_busy(address, path, &next, &tallies));
        }
        join_all(busy).await;
    };
    runtime.block_on(drivers.run_until(all));
    Ok(tallies.take())
}

/// One connection, opened anew after every failure and when the proxy has announced that it closes.
async fn keep_busy(
    address: SocketAddr,
    path: &str,
    next: &impl Fn() -> Option<Phase>,
    tallies: &RefCell<[Tally; 3]>,
) {
    let mut connection: Option<http1::SendRequest<Empty<Bytes>>> = None;
    while let Some(phase) = next() {
        let served_by = request(address, path, &mut connection).await;
        let tally = &mut tallies.borrow_mut()[phase as usize];
        match served_by {
            Ok(backend) => *tally.served.entry(backend).or_default() += 1,
            Err(error) => {
                connection = None;
                *tally.failures.entry(format!("{error:#}")).or_default() += 1;
            }
        }
    }
}

async fn request(
    address: SocketAddr,
    path: &str,
    connection: &mut Option<http1::SendRequest<Empty<Bytes>>>,
) -> Result<String> {
    let sender = match connection {
        Some(sender) => sender,
        None => connection.insert(connect(address).await?),
    };
    sender.ready().await?;
    let request = Request::get(path).header("host", address.to_string()).body(Empty::new())?;
    let response = sender.send_request(request).await?;
    let closes = announces_close(response.headers());
    anyhow::ensure!(
        response.status().is_success(),
        "status {}{}",
        response.status(),
        label(response.headers())
    );
    let backend = response.headers().get(&SERVED_BY).context("no backend named")?.to_str()?.to_owned();
    response.into_body().collect().await?;
    if closes {
        *connection = None;
    }
    Ok(backend)
}

/// Whether this is the connection's last response (RFC 9112 section 9.6): the next request belongs on another one.
fn announces_close(headers: &HeaderMap) -> bool {
    let options = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    options.flat_map(|value| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case("close"))
}

/// What the proxy says of an error, in brackets.
fn label(headers: &HeaderMap) -> String {
    let label = headers.get("x-pointsman-error").and_then(|label| label.to_str().ok());
    label.map(|label| format!(" ({label})")).unwrap_or_default()
}

async fn connect(address: SocketAddr) -> Result<http1::SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(driver);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    /// A server whose connections answer `heads`, one request each, and close after the last.
    fn server(heads: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                for head in heads {
                    let mut line = String::new();
                    while stream.read_line(&mut line).unwrap() > 2 {
                        line.clear();
                    }
                    stream.get_mut().write_all(head.as_bytes()).unwrap();
                }
            }
        });
        address
    }

    #[test]
    fn an_announced_close_is_no_failure() {
        let address = server(&[
            "HTTP/1.1 200 OK\r\nx-served-by: b1\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx-served-by: b1\r\nContent-Length: 2\r\nConnection: Keep-Alive, Close\r\n\r\nok",
        ]);
        let tally = send(address, "/", 2, 20).unwrap();
        assert_eq!((tally.served["b1"], tally.failures), (20, BTreeMap::new()));
    }

    #[test]
    fn failures_are_counted_by_their_reason() {
        let address = server(&[
            "HTTP/1.1 503 Service Unavailable\r\nx-pointsman-error: no-backend\r\nContent-Length: 0\r\n\r\n",
            "",
        ]);
        let tally = send(address, "/", 1, 4).unwrap();
        assert_eq!(tally.failed(), 4, "{tally:?}");
        assert_eq!(tally.failures["status 503 Service Unavailable (no-backend)"], 4, "{tally:?}");
    }
}
