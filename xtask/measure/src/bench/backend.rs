//! The backends: as little work as a backend can do, all of them on one thread.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use anyhow::{Context, Result};

use super::placement::{Cpus, Placement};

mod answer;
mod http2;
mod request;
mod serve;
mod shared;

use shared::Shared;
pub(crate) use shared::{BackendSpeech, Kept};

/// Some backends, each on a port of its own, that serve until this is dropped.
///
/// `GET /N` is answered with N bytes; a body that is sent along is read, and the response's body is then its length. Each
/// response's body starts with twelve digits: how many bytes came with the request. To a gRPC call, those are the message.
#[derive(Debug)]
pub(crate) struct Backends {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    thread_id: u32,
}

/// What the backends have counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Whole requests, by backend.
    pub(crate) requests: Vec<u64>,
    /// Connections accepted.
    pub(crate) connections: u64,
    /// Requests that weren't understood, and connections that ended within one.
    pub(crate) faults: u64,
}

impl Backends {
    /// Starts `count` backends in clear.
    pub(crate) fn start(count: usize, cpus: Cpus, placement: Placement) -> Result<Self> {
        Self::speak(BackendSpeech::Http1, count, cpus, placement)
    }

    /// The same, for this.
    pub(crate) fn speak(
        speech: BackendSpeech,
        count: usize,
        cpus: Cpus,
        placement: Placement,
    ) -> Result<Self> {
        let listeners: Vec<_> =
            (0..count).map(|_| serve::listen()).collect::<Result<_>>().context("cannot bind a backend")?;
        let addresses = listeners.iter().map(|(_, address)| *address).collect();
        let shared = Arc::new(Shared {
            requests: (0..count).map(|_| AtomicU64::new(0)).collect(),
            connections: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            wanted: AtomicBool::new(false),
            kept: Mutex::new(None),
            stop: AtomicBool::new(false),
        });
        let seen = Arc::clone(&shared);
        let (started, start) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("bench-backends".into()).spawn(move || {
            let id = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
            let pinned = cpus.run_load(placement);
            if started.send(pinned.map(|()| id)).is_ok() {
                serve::run(&listeners, &speech, &seen);
            }
        })?;
        let thread_id = start.recv().context("the backends ended")??;
        Ok(Self { addresses, shared, thread: Some(thread), thread_id })
    }

    /// Where they listen.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The thread's id, by which its CPU time is known.
    pub(crate) fn thread_id(&self) -> u32 {
        self.thread_id
    }

    /// What they have counted.
    pub(crate) fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        Counts {
            requests: self.shared.requests.iter().map(load).collect(),
            connections: load(&self.shared.connections),
            faults: load(&self.shared.faults),
        }
    }

    /// Asks for the next request head; [`Self::kept`] has it once that request was answered.
    pub(crate) fn keep_next_head(&self) {
        self.shared.wanted.store(true, Ordering::Release);
    }

    /// The head that was asked for.
    pub(crate) fn kept(&self) -> Option<Kept> {
        self.shared.kept.lock().ok()?.take()
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl Counts {
    /// Over all backends.
    pub(crate) fn total(&self) -> u64 {
        self.requests.iter().sum()
    }

    /// What was counted after an earlier count.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            requests: self
                .requests
                .iter()
                .zip(&before.requests)
                .map(|(after, before)| after - before)
                .collect(),
            connections: self.connections - before.connections,
            faults: self.faults - before.faults,
        }
    }

    /// The greatest difference from an even share, in requests.
    pub(crate) fn unevenness(&self) -> f64 {
        let even = self.total() as f64 / self.requests.len().max(1) as f64;
        self.requests.iter().map(|&requests| (requests as f64 - even).abs()).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_compared_backend_by_backend() {
        let before = Counts { requests: vec![5, 5], connections: 1, faults: 0 };
        let after = Counts { requests: vec![15, 11], connections: 3, faults: 1 };
        let since = after.since(&before);
        assert_eq!(since, Counts { requests: vec![10, 6], connections: 2, faults: 1 });
        assert_eq!((since.total(), since.unevenness()), (16, 2.0));
    }
}
