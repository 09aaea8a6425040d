//! The control thread, with real backends that listen and don't.

use std::net::TcpListener;
use std::time::Duration;

use pointsman_core::backend::Backend;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_core::topology::{Health, Member};

use super::*;
use crate::config::{HealthCheckConfig, HealthConfig, InitialHealth};

/// Settings with a check by connection, every 50 ms.
fn settings(initial: InitialHealth) -> Arc<HealthSettings> {
    let time = Duration::from_millis(50);
    let times = HealthCheckConfig { interval: time, fast_interval: time, ..check_state::tests::config(1, 2) };
    let check = Some(HealthCheckConfig { initial, ..times });
    Arc::new(HealthConfig { check, panic_threshold: 0, ..HealthConfig::default() }.into())
}

/// A backend that listens there, or doesn't if the listener is dropped.
fn backend(name: &str, listener: &TcpListener) -> Arc<Backend> {
    Arc::new(Backend::new(name, listener.local_addr().unwrap()))
}

fn pool(name: &str, backends: &[&Arc<Backend>]) -> Arc<Pool> {
    let backends = backends.iter().map(|backend| Arc::clone(backend)).collect();
    Arc::new(Pool::new(name, 0, &UpstreamLimits::default(), backends))
}

fn assignment(pool: &Arc<Pool>, settings: &Arc<HealthSettings>) -> Assignment {
    Assignment { pool: Arc::clone(pool), settings: Arc::clone(settings) }
}

/// The places of those that may be picked.
fn eligible(pool: &Pool) -> Vec<u32> {
    let topology = pool.topology();
    (0..topology.backends().len() as u32)
        .filter(|&index| topology.is_eligible(pointsman_core::backend::BackendIndex(index)))
        .collect()
}

fn wait_for(pool: &Pool, expected: &[u32]) {
    harness::wait_until(&format!("{expected:?} may be picked"), || eligible(pool) == expected);
}

/// On an address that no other test uses, so that none gets the port once it is free.
fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.90:0").unwrap()
}

#[test]
fn knowledge_of_backends_outlives_an_update() {
    let (alive, dead) = (listener(), listener());
    let (a, b) = (backend("a", &alive), backend("b", &dead));
    drop(dead);
    let (api, settings) = (pool("api", &[&a, &b]), settings(InitialHealth::Down));
    let monitor = HealthMonitor::start(Clock::start(), vec![assignment(&api, &settings)]).unwrap();
    wait_for(&api, &[0]);

    // Another pool, and another description of one backend.
    let changed = backend("a", &alive);
    let set = |backends: &[&Arc<Backend>]| {
        let backends = backends.iter().map(|backend| Arc::clone(backend)).collect();
        api.change_backends(|members| members.file = backends, |backend| settings.newcomer(backend));
    };
    set(&[&changed, &b]);
    let web = pool("web", &[&a, &b]);
    monitor.update(vec![assignment(&api, &settings), assignment(&web, &settings)]);
    assert_eq!(eligible(&api), [0], "it serves on");
    wait_for(&web, &[0]);

    // A backend that is added shows only once it has been checked; one that changes places stays what it is.
    let other = listener();
    let c = backend("c", &other);
    set(&[&b, &changed, &c]);
    api.change(|members| {
        assert_eq!([1, 2].map(|place: usize| members[place].health), [Health::Up, Health::Unknown]);
    });
    monitor.update(vec![assignment(&api, &settings)]);
    wait_for(&api, &[1, 2]);

    // The removed pool stays as it is; the other one is checked.
    let generation = web.topology_generation();
    drop(alive);
    wait_for(&api, &[2]);
    assert_eq!(web.topology_generation(), generation);

    drop(monitor);
    api.change_backends(|members| members.file = vec![c], Member::healthy);
    drop(other);
    assert_eq!(eligible(&api), [0], "no check runs any more");
}
