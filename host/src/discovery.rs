//! Backends that DNS names: pools follow the answers while the proxy runs.
//!
//! A thread of its own asks, decides what to believe, and changes the pools' members; the data path sees a new
//! topology and nothing else. What is decided is in `schedule`, `answer` and `placement`, which know no network;
//! who asks is the resolver.

mod answer;
mod follower;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod placement;
mod resolver;
mod schedule;

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use pointsman_core::clock::Clock;
use pointsman_core::pool::Pool;
use tokio::sync::watch;

use crate::config::{DiscoveredConfig, DnsConfig, Question};
use crate::health::HealthSettings;

use follower::Follower;

/// Longer than it takes to bring known answers into pools.
const PLACING: Duration = Duration::from_secs(5);

/// A pool of which DNS fills a part.
#[derive(Debug, Clone)]
pub struct DiscoveredPool {
    /// The pool, with the backends that have addresses.
    pub pool: Arc<Pool>,
    /// What stands for more of them.
    pub entries: Vec<DiscoveredConfig>,
    /// What decides how a new one begins.
    pub health: Arc<HealthSettings>,
}

/// What is to be followed.
#[derive(Debug, Clone, Default)]
struct Wanted {
    dns: DnsConfig,
    pools: Vec<DiscoveredPool>,
    /// What pools to come will ask.
    upcoming: Vec<Question>,
    /// Told when every name has had an answer.
    answered: Option<mpsc::SyncSender<()>>,
    /// Told when what is known is in the pools.
    placed: Option<mpsc::SyncSender<()>>,
}

/// The thread that follows DNS. It ends when this is dropped.
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
    /// Starts the thread, which has nothing to do yet.
    ///
    /// # Errors
    ///
    /// No thread or no event loop.
    pub fn start(clock: Clock) -> io::Result<Self> {
        let (wanted, heard) = watch::channel(Wanted::default());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build()?;
        let thread = std::thread::Builder::new()
            .name("discovery".into())
            .spawn(move || runtime.block_on(Follower::new(clock).run(heard)))?;
        Ok(Self { wanted: Some(wanted), thread: Some(thread) })
    }

    /// Asks for these names as well, which belong to pools that [`update`](Self::update) is about to bring. No pool changes
    /// by that.
    pub fn prepare(&self, dns: DnsConfig, upcoming: Vec<Question>) -> FirstAnswers {
        let (answered, told) = mpsc::sync_channel(1);
        if let Some(wanted) = &self.wanted {
            wanted.send_modify(|wanted| {
                let pools = std::mem::take(&mut wanted.pools);
                *wanted = Wanted { dns, pools, upcoming, answered: Some(answered), placed: None };
            });
        }
        FirstAnswers(told)
    }

    /// Follows these pools from now on, and no others. When it returns, what is known of their names is in them.
    ///
    /// A name that was followed before keeps its last answer, and its backends what was counted for them, also in
    /// another [`Pool`] of the same name: they are in the new one without a question to DNS. Members that aren't
    /// discovered are left alone. The system's resolver configuration is read again.
    pub fn update(&self, dns: DnsConfig, pools: Vec<DiscoveredPool>) {
        let (placed, told) = mpsc::sync_channel(1);
        if let Some(wanted) = &self.wanted {
            let placed = Some(placed);
            wanted.send_replace(Wanted { dns, pools, placed, ..Wanted::default() });
        }
        // The thread waits for nothing but the network, and not for that before it tells. It may be gone, though.
        let _ = told.recv_timeout(PLACING);
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
    /// Waits until every name has a good answer, but not longer than this. What isn't answered by then is asked on; its
    /// backends join when they are known.
    pub fn wait(self, at_most: Duration) {
        if self.0.recv_timeout(at_most) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(
                event = "dns-wait-timed-out", waited = ?at_most,
                "not every name of backends could be resolved; going on without"
            );
        }
    }
}
