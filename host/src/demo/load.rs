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
use http::Request;
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
    pub(super) failed: usize,
}

/// When, in relation to the swap, a request began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Before = 0,
    During = 1,
    After = 2,
}

/// Sends so many requests in all and waits for their responses.
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
    pub(super) fn start(address: SocketAddr, path: &'static str, connections: usize) -> Result<Self> {
        let (stop, phase) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stopped, now) = (Arc::clone(&stop), Arc::clone(&phase));
        let thread = std::thread::Builder::new().name("demo-load".into()).spawn(move || {
            let phases = [Phase::Before, Phase::During, Phase::After];
            let next = || (!stopped.load(Ordering::Relaxed)).then(|| phases[now.load(Ordering::Relaxed)]);
            block_on_connections(address, path, connections, next)
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
            busy.push(Box::pin(keep_busy(address, path, &next, &tallies)));
        }
        futures_join(busy).await;
    };
    runtime.block_on(drivers.run_until(all));
    Ok(tallies.take())
}

/// Polls all futures to their end.
async fn futures_join(mut all: Vec<std::pin::Pin<Box<impl Future<Output = ()>>>>) {
    std::future::poll_fn(|cx| {
        all.retain_mut(|one| one.as_mut().poll(cx).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// One connection, opened anew after every failure.
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
            Err(_) => {
                connection = None;
                tally.failed += 1;
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
    anyhow::ensure!(response.status().is_success(), "status {}", response.status());
    let backend = response.headers().get(&SERVED_BY).context("no backend named")?.to_str()?.to_owned();
    response.into_body().collect().await?;
    Ok(backend)
}

async fn connect(address: SocketAddr) -> Result<http1::SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(driver);
    Ok(sender)
}
