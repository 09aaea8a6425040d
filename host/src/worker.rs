//! A worker: one OS thread with its own event loop, sockets, connections and policy instances.

mod acceptor;
mod connection_tasks;
mod incoming;
mod update;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::backend::ConfigurationGeneration;
use pointsman_core::clock::Clock;
use pointsman_core::route::{RoutePattern, Router};
use pointsman_policy::{Picker, PolicySlot};
use tokio::runtime::LocalOptions;
use tokio::sync::{mpsc, watch};

use crate::access_log::WorkerLog;
use crate::compression::Compression;
use crate::config::HeaderPlan;
use crate::deadline::Deadlines;
use crate::ids::IdGenerator;
use crate::insight::{Insight, SharedInsight};
use crate::listener::Listener;
use crate::open_files::OpenFiles;
use crate::proxy::{Current, HeaderRules, Mirror, Proxy, Route, Split, Target};
use crate::reports::{WorkerReports, WorkerVitals};
use crate::upstream::{Balancer, WorkerPool};

use acceptor::Acceptor;
use connection_tasks::ConnectionTasks;
pub use update::{
    ListenerAssignment, LogAssignment, PolicyAssignment, PoolAssignment, RouteAssignment, TargetAssignment,
    Update,
};

/// How often idle upstream connections are pruned.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);

/// How long an upstream connection stays idle while the process runs out of file descriptors.
const SCARCE_IDLE: Duration = Duration::from_secs(1);

/// Everything that a worker starts with. Made before its thread, so that nothing can fail once there is traffic.
#[derive(Debug)]
pub struct WorkerSetup {
    /// Its first configuration.
    pub first: Update,
    /// Its later configurations.
    pub updates: mpsc::UnboundedReceiver<Update>,
    /// The number of workers.
    pub workers: usize,
    /// The process's clock.
    pub clock: Clock,
    /// Where it writes how it is.
    pub vitals: Arc<WorkerVitals>,
    /// What is told of the requests that are traced or explained.
    pub insight: SharedInsight,
}

/// Whether the process serves or drains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// It serves.
    #[default]
    Serving,
    /// It serves and accepts on, so that those who route to it have the time to stop, and asks clients to come back elsewhere.
    Leaving,
    /// It accepts nothing new, finishes what runs and then ends.
    Draining,
}

/// How a worker has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every connection came to its end.
    Clean,
    /// This many connections were cut off at the end of the drain timeout.
    CutOff(usize),
}

/// Runs a worker on the calling thread until it has drained.
///
/// # Errors
///
/// The event loop can't be set up.
pub fn run(setup: WorkerSetup, phase: watch::Receiver<Phase>) -> io::Result<Drained> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build_local(LocalOptions::default())?;
    runtime.block_on(serve_until_drained(setup, phase))
}

async fn serve_until_drained(setup: WorkerSetup, mut phase: watch::Receiver<Phase>) -> io::Result<Drained> {
    let WorkerSetup { first, mut updates, workers, clock, insight, vitals } = setup;
    vitals.run_here();
    let insight = Insight::new(IdGenerator::new()?, insight);
    let mut worker = Worker::new(workers, Deadlines::new(clock), insight, vitals);
    worker.adopt(first)?;
    tokio::task::spawn_local(prune(Rc::clone(&worker.current)));
    let (deadlines, reports) = (worker.current.get().deadlines.clone(), Rc::clone(&worker.reports));
    tokio::task::spawn_local(async move { deadlines.run(|late| reports.swept(late)).await });

    loop {
        tokio::select! {
            changed = phase.changed() => match changed.map(|()| *phase.borrow_and_update()) {
                Ok(Phase::Serving) => {}
                Ok(Phase::Leaving) => worker.acceptors.iter().for_each(Acceptor::leave),
                // An error means that the sender is gone, and with it the rest of the proxy.
                Ok(Phase::Draining) | Err(_) => break,
            },
            Some(update) = updates.recv() => {
                let configuration = update.configuration;
                if let Err(error) = worker.adopt(update) {
                    tracing::error!(
                        event = "worker-reload-failed", configuration = configuration.0, %error,
                        "a worker goes on with the old configuration"
                    );
                }
            }
        }
    }
    // Updates that are still queued take effect nowhere; the sender needn't wait for them.
    drop(updates);
    Ok(worker.drain().await)
}

/// The state of this thread.
struct Worker {
    workers: usize,
    current: Rc<Current>,
    reports: Rc<WorkerReports>,
    tasks: Rc<ConnectionTasks>,
    policies: Vec<WorkerPolicy>,
    acceptors: Vec<Acceptor>,
    /// Of removed listeners, until their last connection has ended.
    closing: Vec<Acceptor>,
    drain_timeout: Duration,
}

/// A policy of the running configuration, and the balancer that picks with it.
struct WorkerPolicy {
    slot: Arc<PolicySlot>,
    balancer: Rc<Balancer>,
}

/// A policy of the next configuration, checked but not yet in use.
struct PreparedPolicy {
    slot: Arc<PolicySlot>,
    pool: Rc<WorkerPool>,
    source: PickerSource,
}

enum PickerSource {
    /// It comes with the update.
    New(Box<Picker>),
    /// It is that of the running configuration.
    Kept(Rc<Balancer>),
}

impl PreparedPolicy {
    fn activate(self, configuration: ConfigurationGeneration) -> WorkerPolicy {
        let Self { slot, pool, source } = self;
        let balancer = match source {
            PickerSource::New(mut picker) => {
                picker.enter(configuration);
                Rc::new(Balancer::new(pool, run_picker(*picker)))
            }
            PickerSource::Kept(balancer) => {
                let picker = balancer.picker();
                let before = Arc::clone(picker.borrow().topology());
                picker.borrow_mut().enter(configuration);
                let same = picker.borrow().topology().generation() == before.generation();
                if same && Rc::ptr_eq(balancer.worker_pool(), &pool) {
                    balancer
                } else {
                    balancer.retire(before);
                    Rc::new(Balancer::new(pool, Rc::clone(picker)))
                }
            }
        };
        WorkerPolicy { slot, balancer }
    }
}

impl Worker {
    fn new(workers: usize, deadlines: Deadlines, insight: Insight, vitals: Arc<WorkerVitals>) -> Self {
        let nothing = Proxy::new(Router::default(), Vec::new(), Vec::new(), deadlines, Rc::new(insight));
        let current = Rc::new(Current::new(nothing));
        Self {
            workers,
            tasks: ConnectionTasks::new(&current),
            current,
            reports: WorkerReports::new(vitals),
            policies: Vec::new(),
            acceptors: Vec::new(),
            closing: Vec::new(),
            drain_timeout: Duration::ZERO,
        }
    }

    /// Serves requests from now on with this configuration. Nothing awaits in here, so a request sees all of it or nothing.
    fn adopt(&mut self, update: Update) -> io::Result<()> {
        let before = self.current.get();
        let pools: Vec<_> =
            update.pools.into_iter().map(|assignment| self.pool(&before, assignment)).collect();
        let policies = update.policies.into_iter().map(|assignment| self.policy(&pools, assignment));
        let policies: Vec<PreparedPolicy> = policies.collect::<io::Result<_>>()?;
        let listeners: Vec<(Listener, Option<Acceptor>)> = update
            .listeners
            .into_iter()
            .map(|assignment| self.listener(assignment))
            .collect::<io::Result<_>>()?;

        // From here on nothing fails.
        let policies: Vec<WorkerPolicy> =
            policies.into_iter().map(|policy| policy.activate(update.configuration)).collect();
        for pool in &pools {
            if let Some(topology) = pool.pool().topology_in(update.configuration) {
                pool.follow(&topology);
            }
        }
        let (patterns, routes): (Vec<RoutePattern>, _) =
            update.routes.into_iter().filter_map(|assignment| route(&policies, assignment)).unzip();
        let (deadlines, insight) = (before.deadlines.clone(), Rc::clone(&before.insight));
        let proxy = Proxy::new(Router::new(&patterns), routes, pools, deadlines, insight);
        let error_pages = update.error_pages.map(|pages| Rc::new(pages.for_worker()));
        self.current.set(Proxy { challenges: update.challenges, error_pages, ..proxy });
        // Who waits here may have room by the limits that hold from now on; when those changed, this worker didn't know.
        self.current.get().pools.iter().for_each(|pool| pool.pool().queue().wake());
        self.policies = policies;
        let acceptors = listeners.into_iter().filter_map(|(listener, new)| {
            let acceptor = match new {
                Some(new) => new,
                None => self.acceptors.swap_remove(self.place_of(&listener)?),
            };
            acceptor.set_listener(listener);
            Some(acceptor)
        });
        let acceptors = acceptors.collect();
        self.closing.retain(|acceptor| !acceptor.is_over());
        for gone in std::mem::replace(&mut self.acceptors, acceptors) {
            gone.start_drain();
            self.closing.push(gone);
        }
        self.drain_timeout = update.drain_timeout;
        self.reports.set_log(update.access_log.map(|LogAssignment { log, config, worker }| {
            WorkerLog::new(log, config, worker, before.deadlines.clock())
        }));
        Ok(())
    }

    fn pool(&self, before: &Proxy, assignment: PoolAssignment) -> Rc<WorkerPool> {
        let PoolAssignment { pool, limits, tls, compression, sticky } = assignment;
        let is_same = |known: &&Rc<WorkerPool>| {
            known.is(&pool, &limits, tls.as_ref())
                && known.compresses(compression.as_ref())
                && known.sticks(sticky.as_ref())
        };
        if let Some(same) = before.pools.iter().find(is_same) {
            return Rc::clone(same);
        }
        let old = before.pools.iter().find(|known| known.pool().name == pool.name);
        let new = WorkerPool::new(pool, limits, tls, self.workers)
            .with_compression(compression.map(|config| Compression::new(config, self.workers)))
            .with_sticky(sticky);
        let new = Rc::new(match old {
            Some(old) => new.after(old),
            None => new,
        });
        new.yield_connections();
        new
    }

    fn policy(&self, pools: &[Rc<WorkerPool>], assignment: PolicyAssignment) -> io::Result<PreparedPolicy> {
        let PolicyAssignment { slot, pool, picker } = assignment;
        let pool = pools.get(pool).ok_or_else(|| io::Error::other("a policy without its pool"))?;
        let known = self.policies.iter().find(|known| Arc::ptr_eq(&known.slot, &slot));
        let source = match (picker, known) {
            (Some(picker), _) => PickerSource::New(Box::new(picker)),
            (None, Some(known)) => PickerSource::Kept(Rc::clone(&known.balancer)),
            (None, None) => return Err(io::Error::other("a policy that isn't at work here")),
        };
        Ok(PreparedPolicy { slot, pool: Rc::clone(pool), source })
    }

    /// A listener, with an acceptor if it is new.
    fn listener(&self, assignment: ListenerAssignment) -> io::Result<(Listener, Option<Acceptor>)> {
        let ListenerAssignment { listener, sockets } = assignment;
        let new = match sockets {
            Some(sockets) => Some(Acceptor::start(listener.clone(), sockets, &self.tasks, &self.reports)?),
            None if self.place_of(&listener).is_some() => None,
            None => return Err(io::Error::other("a listener that isn't bound here")),
        };
        Ok((listener, new))
    }

    fn place_of(&self, listener: &Listener) -> Option<usize> {
        self.acceptors.iter().position(|known| known.is_for(listener))
    }

    /// Ends all connections, cutting them off at the end of the drain timeout.
    async fn drain(self) -> Drained {
        let mut all: Vec<Acceptor> = self.acceptors.into_iter().chain(self.closing).collect();
        all.iter().for_each(Acceptor::start_drain);
        let finished = async {
            for acceptor in &mut all {
                acceptor.finished().await;
            }
        };
        let drained = match tokio::time::timeout(self.drain_timeout, finished).await {
            Ok(()) => Drained::Clean,
            Err(_) => Drained::CutOff(all.iter().map(Acceptor::connections).sum()),
        };
        self.reports.tell();
        drained
    }
}

/// A route and what it matches.
fn route(policies: &[WorkerPolicy], assignment: RouteAssignment) -> Option<(RoutePattern, Route)> {
    let RouteAssignment { name, pattern, target, rewrite, headers, limits, exchange, mirror } = assignment;
    // A copy of its own: a regular expression keeps memory, which one thread at a time can use.
    let rewrite = rewrite.map(|change| Box::new((*change).clone()));
    let target = match target {
        TargetAssignment::Policy(policy) => Target::Balancer(Rc::clone(&policies.get(policy)?.balancer)),
        // The policies of the pools come first, in the pools' order.
        TargetAssignment::Split(config) => Target::Split(Split::new(&config, |pool| {
            policies.get(pool).map(|policy| Rc::clone(&policy.balancer))
        })?),
        TargetAssignment::Redirect(redirect) => Target::Redirect(Box::new((*redirect).clone())),
        TargetAssignment::Respond(answer) => Target::Respond(Rc::new(answer.for_worker())),
    };
    let rules = |plan: &Option<HeaderPlan>| Some(Rc::new(HeaderRules::new(plan.as_ref()?)));
    let rules = headers.map(|plans| plans.iter().map(rules).collect());
    let mirror = mirror.and_then(|(config, rules)| {
        let balancer = Rc::clone(&policies.get(config.pool)?.balancer);
        Some(Box::new(Mirror::new(config, balancer, rules.as_ref())))
    });
    Some((pattern, Route { name, target, rewrite, rules, limits: limits.into(), exchange, mirror }))
}

/// Starts a picker's task, which gives it its ticks, and swaps and topology changes also while there are no requests. The task
/// ends with the last other reference.
fn run_picker(picker: Picker) -> Rc<RefCell<Picker>> {
    let picker = Rc::new(RefCell::new(picker));
    let ticking = Rc::downgrade(&picker);
    tokio::task::spawn_local(async move {
        while let Some(picker) = ticking.upgrade() {
            let pause = picker.borrow_mut().tick();
            drop(picker);
            tokio::time::sleep(pause).await;
        }
    });
    picker
}

/// Closes upstream connections that have been idle for too long. Never ends.
async fn prune(current: Rc<Current>) {
    let mut ticks = tokio::time::interval(PRUNE_INTERVAL);
    loop {
        ticks.tick().await;
        let proxy = current.get();
        let longest = if OpenFiles::of_process().are_scarce() { SCARCE_IDLE } else { Duration::MAX };
        for pool in &proxy.pools {
            pool.prune(proxy.deadlines.clock().now(), longest);
        }
    }
}
