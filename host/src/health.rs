//! Which backends are fit to serve, and with how much of their weight: health checks, ejection, slow start.
//!
//! One control thread checks the backends of all pools. Its results reach the data path as topologies, and only if one differs
//! from the last. The state of a backend is kept under the names of its pool and itself, and its address.

mod assignment;
mod backend_health;
mod check_schedule;
mod check_state;
mod ejection;
mod event;
mod pool_checker;
mod pool_health;
mod probe;
mod ramp;
mod settings;
mod silence;
#[cfg(test)]
mod tests;
mod window;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use pointsman_core::clock::Clock;
use tokio::sync::{Semaphore, watch as channel};
use tokio::task::LocalSet;

pub use assignment::Assignment;
pub use settings::HealthSettings;

use crate::open_files::OpenFiles;

use pool_checker::PoolChecker;

/// Niceness of the health thread: beside workers that take the whole CPU it gets a tenth of their share.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// The control thread `health`. It ends when this is dropped.
#[derive(Debug)]
pub struct HealthMonitor {
    assignments: Option<channel::Sender<Vec<Assignment>>>,
    thread: Option<JoinHandle<()>>,
}

impl HealthMonitor {
    /// Starts the thread with these pools. When this returns, each pool's topology is in the state that it has before the first
    /// check.
    ///
    /// # Errors
    ///
    /// The system refuses a thread or an event loop.
    pub fn start(clock: Clock, pools: Vec<Assignment>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for Assignment { pool, settings } in &pools {
            settings.introduce(pool);
        }
        let (assignments, wanted) = channel::channel(pools);
        let thread = std::thread::Builder::new().name("health".into()).spawn(move || {
            lower_priority();
            runtime.block_on(LocalSet::new().run_until(check_pools(wanted, clock)));
        })?;
        Ok(Self { assignments: Some(assignments), thread: Some(thread) })
    }

    /// Watches these pools from now on, in place of the others. The state of a backend is kept if its pool and itself keep their
    /// names, and it keeps its address.
    ///
    /// Change the members of a pool first, and add backends as [`HealthSettings::newcomer`]. A pool whose name is new needs
    /// neither. A member's weight follows from [`Backend::weight`](pointsman_core::backend::Backend::weight), so another weight is
    /// another description of the backend.
    pub fn update(&self, pools: Vec<Assignment>) {
        let Some(assignments) = &self.assignments else { return };
        let is_known = |name: &str| assignments.borrow().iter().any(|known| *known.pool.name == *name);
        for Assignment { pool, settings } in pools.iter().filter(|new| !is_known(&new.pool.name)) {
            settings.introduce(pool);
        }
        assignments.send_replace(pools);
    }
}

impl Drop for HealthMonitor {
    fn drop(&mut self) {
        self.assignments = None;
        if let Some(thread) = self.thread.take() {
            // An error means that it has panicked, which is in the log.
            let _ = thread.join();
        }
    }
}

/// Lowers the thread's priority below that of the workers, so that requests don't pay for many checks: late checks do less
/// harm. If the system refuses, the priority stays.
fn lower_priority() {
    // On other systems this would be about the process, not the thread.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

/// Runs a checker for each pool, and ends it when the pool is removed.
async fn check_pools(mut wanted: channel::Receiver<Vec<Assignment>>, clock: Clock) {
    // Each check is a connection. Even if a thousand backends fail at once, and each check takes its second, every one of them is
    // checked every second.
    let permits = Arc::new(Semaphore::new(OpenFiles::of_process().for_health_checks()));
    let mut checkers: HashMap<Box<str>, channel::Sender<Assignment>> = HashMap::new();
    loop {
        let pools = wanted.borrow_and_update().clone();
        checkers.retain(|name, _| pools.iter().any(|assignment| assignment.pool.name == *name));
        for assignment in pools {
            if let Some(checker) = checkers.get(&assignment.pool.name) {
                checker.send_replace(assignment);
            } else {
                let name = assignment.pool.name.clone();
                let (changes, received) = channel::channel(assignment);
                checkers.insert(name, changes);
                let checker = PoolChecker::new(received, clock, Arc::clone(&permits));
                tokio::task::spawn_local(checker.run());
            }
        }
        if wanted.changed().await.is_err() {
            return;
        }
    }
}
