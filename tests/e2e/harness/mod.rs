//! What the tests are made of: the proxy as a process, backends and clients that speak in plain bytes.

mod backend;
mod client;
mod dns;
mod guest;
mod http;
mod latch;
mod proxy;
mod setup;

pub(crate) use backend::{Backend, Exchange};
pub(crate) use client::Client;
pub(crate) use dns::{Dns, Mood};
pub(crate) use guest::{choose, constant, guest, revised, version};
pub(crate) use http::{Request, Response};
pub(crate) use latch::Latch;
pub(crate) use proxy::{Proxy, send_signal};
pub(crate) use setup::Setup;

use std::time::{Duration, Instant};

/// Nothing that a test waits for takes this long unless it never comes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// After so long without a request a client's connection has gone to rest, and the sweep has seen it. How long it is idle is
/// what its tests are about, so there is no event to wait for.
pub(crate) const LONG_ENOUGH_TO_REST: Duration = Duration::from_millis(500);

/// Asks until the answer is yes, with a pause that only spares the CPU.
///
/// # Panics
///
/// After [`DEADLINE`], with `what` was awaited.
pub(crate) fn wait_until(what: &str, mut met: impl FnMut() -> bool) {
    let began = Instant::now();
    while !met() {
        assert!(began.elapsed() < DEADLINE, "gave up waiting until {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Waits without listening to anybody: for tests of what becomes of somebody who does nothing for so long.
pub(crate) fn pass(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(began.elapsed()));
    }
}
