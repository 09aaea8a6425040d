//! A worker: one OS thread with its own event loop, sockets, connections and policy instances.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::clock::Clock;
use crate::config::RouteConfig;
use crate::deadline::Deadlines;
use crate::drain::Drain;
use crate::listener::Listener;
use crate::policy::Picker;
use crate::pool::Pool;
use crate::proxy::Proxy;
use crate::route::Router;
use crate::serve;
use crate::upstream::{Balancer, WorkerPool};

/// Between two looks at idle upstream connections.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);

/// How long accepting pauses when the process has run out of file descriptors or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Everything a worker starts with. Made before its thread, so that nothing can fail once there is traffic.
#[derive(Debug)]
pub struct WorkerSetup {
    /// Sockets to accept on.
    pub listeners: Vec<(Listener, TcpListener)>,
    /// The pools, each with this worker's picker.
    pub pools: Vec<(Arc<Pool>, Picker)>,
    /// The routes, each with this worker's picker if it has a policy of its own.
    pub routes: Vec<(RouteConfig, Option<Picker>)>,
    /// How many workers there are.
    pub workers: usize,
    /// The process's clock.
    pub clock: Clock,
    /// How long connections may take to end.
    pub drain_timeout: Duration,
}

/// What the workers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Serve.
    #[default]
    Serving,
    /// Stop accepting, finish what runs, end.
    Draining,
}

/// How a worker has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every connection came to its end.
    Clean,
    /// So many connections were cut off when the time was over.
    CutOff(usize),
}

/// Runs a worker on the calling thread until it has drained.
///
/// # Errors
///
/// The event loop can't be set up.
pub fn run(setup: WorkerSetup, phase: watch::Receiver<Phase>) -> io::Result<Drained> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build()?;
    runtime.block_on(LocalSet::new().run_until(serve_until_drained(setup, phase)))
}

async fn serve_until_drained(setup: WorkerSetup, mut phase: watch::Receiver<Phase>) -> io::Result<Drained> {
    let deadlines = Deadlines::new(setup.clock);
    let (pools, own): (Vec<_>, Vec<_>) = setup
        .pools
        .into_iter()
        .map(|(pool, picker)| {
            let pool = Rc::new(WorkerPool::new(pool, setup.workers));
            (Rc::clone(&pool), at_work(pool, picker))
        })
        .unzip();
    let (routes, balancers) = setup
        .routes
        .into_iter()
        .map(|(route, picker)| {
            let balancer = match picker {
                Some(picker) => at_work(Rc::clone(&pools[route.pool]), picker),
                None => Rc::clone(&own[route.pool]),
            };
            (route, balancer)
        })
        .unzip();
    let proxy = Rc::new(Proxy { router: Router::new(routes), balancers, deadlines: deadlines.clone() });
    let drain = Drain::default();

    let mut acceptors = Vec::new();
    for (listener, socket) in setup.listeners {
        let socket = tokio::net::TcpListener::from_std(socket)?;
        acceptors.push(tokio::task::spawn_local(accept(
            Rc::clone(&proxy),
            Rc::new(listener),
            socket,
            drain.clone(),
        )));
    }
    for pool in &pools {
        let pool = Rc::clone(pool);
        tokio::task::spawn_local(async move { pool.yield_connections().await });
    }
    tokio::task::spawn_local(prune(pools, deadlines.clone()));
    tokio::task::spawn_local(async move { deadlines.run().await });

    // An error means that whoever could tell us to drain is gone.
    let _ = phase.wait_for(|phase| *phase == Phase::Draining).await;
    drain.start();
    for acceptor in acceptors {
        let _ = acceptor.await;
    }
    let in_time = tokio::time::timeout(setup.drain_timeout, drain.finished()).await;
    Ok(if in_time.is_ok() { Drained::Clean } else { Drained::CutOff(drain.connections()) })
}

/// Accepts until the drain begins, and then what the kernel has already accepted for us.
async fn accept(proxy: Rc<Proxy>, listener: Rc<Listener>, socket: tokio::net::TcpListener, drain: Drain) {
    loop {
        let next = async {
            let accepted = socket.accept().await;
            // In this order: a worker without clients must not keep a permit from those that have some.
            let permit = Arc::clone(&listener.connections).acquire_owned().await;
            (permit, accepted)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            next = next => next,
            () = drain.started() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection =
                    serve::connection(Rc::clone(&proxy), Rc::clone(&listener), drain.guard(), stream, peer);
                tokio::task::spawn_local(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) if is_about_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(address = %listener.address, %error, "cannot accept; pausing");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// The connection is gone before it was accepted; the next one is unaffected.
fn is_about_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// A policy that picks from a pool. It gets its ticks, and takes part in swaps and topology changes also while there are
/// no requests.
fn at_work(pool: Rc<WorkerPool>, picker: Picker) -> Rc<Balancer> {
    let balancer = Rc::new(Balancer::new(pool, picker));
    let ticking = Rc::clone(&balancer);
    tokio::task::spawn_local(async move {
        loop {
            let pause = ticking.picker().borrow_mut().tick();
            tokio::time::sleep(pause).await;
        }
    });
    balancer
}

/// Closes upstream connections that have been idle for too long.
async fn prune(pools: Vec<Rc<WorkerPool>>, deadlines: Deadlines) {
    let mut ticks = tokio::time::interval(PRUNE_INTERVAL);
    loop {
        ticks.tick().await;
        for pool in &pools {
            pool.prune(deadlines.now());
        }
    }
}
