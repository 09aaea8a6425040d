//! Which backends are fit to serve, and with how much of their weight: health checks, ejection, slow start.
//!
//! One control thread for all pools. What it finds reaches the data path as a topology, and only if that differs from the
//! last. What is known of a backend is kept under its pool's and its own name, and its address.

mod check;
mod ejection;
mod news;
mod patrol;
mod probe;
mod ramp;
mod settings;
#[cfg(test)]
mod tests;
mod watch;
mod watched;
mod window;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, watch as channel};
use tokio::task::LocalSet;

pub use settings::HealthSettings;

use crate::clock::Clock;
use crate::descriptors::Descriptors;
use crate::pool::Pool;

/// Of the health thread: against workers that take all the CPU there is, a tenth of their share.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A pool and what is wanted of its health.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The pool.
    pub pool: Arc<Pool>,
    /// Its settings.
    pub settings: Arc<HealthSettings>,
}

/// The control thread `health`. It ends when this is dropped.
#[derive(Debug)]
pub struct HealthMonitor {
    assignments: Option<channel::Sender<Vec<Assignment>>>,
    thread: Option<JoinHandle<()>>,
}

impl HealthMonitor {
    /// Starts to watch over these pools. When it returns, each pool's topology is what it shall be before the first check.
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
            give_way();
            runtime.block_on(LocalSet::new().run_until(command(wanted, clock)));
        })?;
        Ok(Self { assignments: Some(assignments), thread: Some(thread) })
    }

    /// Watches over these pools from now on, in place of the others. What is known of a backend stays known if its pool and
    /// itself keep their names, and it keeps its address.
    ///
    /// Change the members of a pool first, and add backends as [`HealthSettings::newcomer`]. A pool whose name is new needs
    /// neither. A member's weight follows from [`Backend::weight`](crate::backend::Backend::weight), so another weight is
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
            // It can only have panicked, which the log has told.
            let _ = thread.join();
        }
    }
}

/// Lets the workers have the CPU first. However many checks there are, requests shall not pay for them; late checks do less
/// harm. If the system refuses, all is as it would be without.
fn give_way() {
    // Elsewhere this is about the process, not the thread.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

/// Sends a patrol to each pool, and calls it off when the pool is gone.
async fn command(mut wanted: channel::Receiver<Vec<Assignment>>, clock: Clock) {
    // Each is a connection. Even if a thousand backends of a rack go dark, and each check takes its second, every one of
    // them is checked every second.
    let permits = Arc::new(Semaphore::new(Descriptors::of_process().for_health_checks()));
    let mut patrols: HashMap<Box<str>, channel::Sender<Assignment>> = HashMap::new();
    loop {
        let pools = wanted.borrow_and_update().clone();
        patrols.retain(|name, _| pools.iter().any(|assignment| assignment.pool.name == *name));
        for assignment in pools {
            if let Some(patrol) = patrols.get(&assignment.pool.name) {
                patrol.send_replace(assignment);
            } else {
                let name = assignment.pool.name.clone();
                let (orders, received) = channel::channel(assignment);
                patrols.insert(name, orders);
                tokio::task::spawn_local(patrol::patrol(received, clock, Arc::clone(&permits)));
            }
        }
        if wanted.changed().await.is_err() {
            return;
        }
    }
}
