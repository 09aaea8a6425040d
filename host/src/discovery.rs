//! Backends that are discovered: pools follow the answers while the proxy runs.
//!
//! A separate thread asks and changes the pools' members; the data path sees a new topology and nothing else. `follower` and
//! `placement` know of entries and the backends found for them; how they are found is in `dns`.

mod counts;
mod dns;
mod follower;
mod placement;
mod resolved;
mod wanted;

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use pointsman_core::clock::Clock;
use tokio::sync::watch;

use crate::config::{DnsConfig, Question};

pub use counts::{AnswerResult, DiscoveryCounts, NameCounts};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use dns::fuzz;
pub use wanted::DiscoveredPool;

use follower::Follower;
use wanted::Wanted;

/// The longest time to bring known answers into pools; it takes far less.
const PLACING: Duration = Duration::from_secs(5);

/// The discovery thread. It ends when this is dropped.
#[derive(Debug)]
pub struct Discovery {
    wanted: Option<watch::Sender<Wanted>>,
    thread: Option<JoinHandle<()>>,
}

/// The first answers to what [`prepare`](Discovery::prepare) asks for.
#[derive(Debug)]
#[must_use = "a pool whose names haven't been answered has no backends"]
pub struct FirstAnswers(mpsc::Receiver<()>);

impl Discovery {
    /// Starts the thread, which has nothing to do yet. What is answered is counted there.
    ///
    /// # Errors
    ///
    /// No thread or no event loop.
    pub fn start(clock: Clock, counts: Arc<DiscoveryCounts>) -> io::Result<Self> {
        let (wanted, changes) = watch::channel(Wanted::default());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build()?;
        let thread = std::thread::Builder::new()
            .name("discovery".into())
            .spawn(move || runtime.block_on(Follower::new(clock, counts).run(changes)))?;
        Ok(Self { wanted: Some(wanted), thread: Some(thread) })
    }

    /// Asks these questions as well, which belong to pools that come with the next [`update`](Self::update). No pool changes by
    /// that.
    pub fn prepare(&self, dns: DnsConfig, upcoming: Vec<Question>) -> FirstAnswers {
        let (answered, answers) = mpsc::sync_channel(1);
        if let Some(wanted) = &self.wanted {
            wanted.send_modify(|wanted| {
                let pools = std::mem::take(&mut wanted.pools);
                *wanted = Wanted { dns, pools, upcoming, answered: Some(answered), placed: None };
            });
        }
        FirstAnswers(answers)
    }

    /// Follows these pools from now on, and no others. When it returns, the known answers to their questions are in them.
    ///
    /// A question that was asked before keeps its last answer, and its backends keep their numbers, also in another pool of the same
    /// name: they are in the new one without asking DNS. Members that aren't discovered don't change. The system's resolver
    /// configuration is read again.
    pub fn update(&self, dns: DnsConfig, pools: Vec<DiscoveredPool>) {
        let (placed, done) = mpsc::sync_channel(1);
        if let Some(wanted) = &self.wanted {
            let placed = Some(placed);
            wanted.send_replace(Wanted { dns, pools, placed, ..Wanted::default() });
        }
        // The thread answers before it waits for the network. It may have panicked, though.
        let _ = done.recv_timeout(PLACING);
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl FirstAnswers {
    /// Waits until every name has a good answer, but no longer than this. Those without one are asked on; their backends join when
    /// they are known.
    pub fn wait(self, at_most: Duration) {
        if self.0.recv_timeout(at_most) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(
                event = "dns-wait-timed-out", waited = ?at_most,
                "not every name of backends could be resolved; going on without"
            );
        }
    }
}
