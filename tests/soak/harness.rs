//! What the long runs are made of; backends and clients are those of the end-to-end tests.

#[path = "../e2e/harness/backend.rs"]
#[allow(dead_code, reason = "the end-to-end tests use all of it")]
mod backend;
#[path = "../e2e/harness/client.rs"]
#[allow(dead_code, reason = "the end-to-end tests use all of it")]
mod client;
#[path = "../e2e/harness/guest.rs"]
#[allow(dead_code, reason = "the end-to-end tests use all of it")]
mod guest;
#[path = "../e2e/harness/http.rs"]
#[allow(dead_code, reason = "the end-to-end tests use all of it")]
mod http;

pub(crate) use backend::Backend;
pub(crate) use client::Client;
pub(crate) use guest::constant;
pub(crate) use http::{Request, Response};

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What tests read of their process, and the CPU, is for one of them at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nothing that a test waits for takes this long unless it never comes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Asks until the answer is yes, with a pause that only spares the CPU.
///
/// # Panics
///
/// After [`DEADLINE`], with `what` was awaited.
pub(crate) fn wait_until(what: &str, mut met: impl FnMut() -> bool) {
    let began = Instant::now();
    while !met() {
        assert!(began.elapsed() < DEADLINE, "gave up waiting until {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// The same module as another content: with a section that means nothing.
pub(crate) fn numbered(module: &[u8], number: u32) -> Vec<u8> {
    let [a, b, c, d] = number.to_le_bytes();
    [module, &[0, 6, 1, b'n', a, b, c, d]].concat()
}

/// The value below which this share of the values lies. Sorts them.
pub(crate) fn quantile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let place = (values.len() as f64 * share) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}
