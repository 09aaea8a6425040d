use std::net::{IpAddr, SocketAddr};

use pointsman_core::backend::{BackendLimits, ConfigurationGeneration};
use pointsman_core::pool::{MOST, UpstreamLimits};
use pointsman_core::topology::{Health, Member};

use super::*;
use crate::config::{HealthConfig, Question};

fn backend(name: &str, address: &str) -> Arc<Backend> {
    Arc::new(Backend::new(name, address.parse::<SocketAddr>().unwrap()))
}

fn entry(name: &str, port: u16) -> DiscoveredConfig {
    DiscoveredConfig {
        name: name.into(),
        question: Question::Each { host: name.into(), port },
        weight: 2,
        zone: "z".into(),
        labels: vec![("k".into(), "v".into())],
        limits: BackendLimits { max_requests: Some(7), max_connections: None },
        backup: false,
        draining: false,
    }
}

fn found(port: u16, addresses: &str) -> Vec<ResolvedBackend> {
    let found = |ip: &str| ResolvedBackend {
        address: (ip.parse::<IpAddr>().unwrap(), port).into(),
        host: "host".into(),
        backup: false,
        share: WHOLE,
    };
    addresses.split_whitespace().map(found).collect()
}

fn pool(of_file: Vec<Arc<Backend>>) -> Arc<Pool> {
    Arc::new(Pool::new("p", 0, &UpstreamLimits::default(), of_file))
}

fn placed_in(pool: Arc<Pool>, entries: Vec<DiscoveredConfig>) -> Placement {
    let health = Arc::new(HealthSettings::from(HealthConfig::default()));
    Placement::new(DiscoveredPool { pool, entries, health })
}

fn names(pool: &Pool) -> Vec<String> {
    pool.topology().backends().iter().map(|backend| backend.name.to_string()).collect()
}

fn one(pool: &Pool, name: &str) -> Arc<Backend> {
    Arc::clone(pool.topology().backends().iter().find(|backend| &*backend.name == name).unwrap())
}

#[test]
fn those_of_the_file_come_first_and_the_others_in_order() {
    let pool = pool(vec![backend("z", "10.0.0.9:80"), backend("a", "10.0.0.2:80")]);
    let mut placement = placed_in(Arc::clone(&pool), vec![entry("x", 80), entry("w", 81)]);
    let (x, w) = (found(80, "10.0.0.10 10.0.0.2 10.0.0.1"), found(81, "10.0.0.5"));
    let moved = placement.place(|entry| match entry.name.as_str() {
        "x" => Some(&x),
        _ => Some(&w),
    });
    assert_eq!(moved, Some(Moved { came: 3, left: 0, present: 3 }));
    // 10.0.0.2 is in the file.
    assert_eq!(names(&pool), ["z", "a", "x/10.0.0.1:80", "w/10.0.0.5:81", "x/10.0.0.10:80"]);
    let of_x = one(&pool, "x/10.0.0.1:80");
    assert_eq!((of_x.weight, &*of_x.attributes.zone, of_x.label("k")), (2 * WEIGHT_UNIT, "z", Some("v")));
    assert_eq!(of_x.limits.max_requests, Some(7));
}

#[test]
fn who_stays_keeps_everything_and_an_equal_answer_changes_nothing() {
    let pool = pool(vec![backend("s", "10.0.0.9:80")]);
    let mut placement = placed_in(Arc::clone(&pool), vec![entry("x", 80)]);
    let first = found(80, "10.0.0.1 10.0.0.2");
    assert!(placement.place(|_| Some(&first)).is_some());
    let generation = pool.topology_generation();
    assert_eq!(placement.place(|_| Some(&first)), None);
    assert_eq!(pool.topology_generation(), generation);

    let kept = one(&pool, "x/10.0.0.2:80");
    kept.stats.begin();
    pool.change(|members| {
        for member in members {
            member.health = Health::Down;
            member.weight = 7;
        }
    });
    let next = found(80, "10.0.0.2 10.0.0.3");
    assert_eq!(placement.place(|_| Some(&next)), Some(Moved { came: 1, left: 1, present: 2 }));
    assert_eq!(names(&pool), ["s", "x/10.0.0.2:80", "x/10.0.0.3:80"]);
    assert!(Arc::ptr_eq(&one(&pool, "x/10.0.0.2:80"), &kept));
    assert_eq!(pool.topology().weights(), [7, 7, 2 * WEIGHT_UNIT], "the new one alone has its whole weight");
    assert_eq!(pool.topology().eligible(), 1, "and is healthy");
}

#[test]
fn a_backend_that_returns_while_its_requests_run_keeps_its_counters() {
    let pool = pool(Vec::new());
    let mut placement = placed_in(Arc::clone(&pool), vec![entry("x", 80)]);
    let (both, one_left) = (found(80, "10.0.0.1 10.0.0.2"), found(80, "10.0.0.1"));
    placement.place(|_| Some(&both));
    let running = one(&pool, "x/10.0.0.2:80");
    placement.place(|_| Some(&one_left));
    placement.place(|_| Some(&both));
    assert!(Arc::ptr_eq(&one(&pool, "x/10.0.0.2:80").stats, &running.stats));
    drop(running);
    placement.place(|_| Some(&one_left));
    assert!(placement.departed.is_empty(), "nothing is kept of unused ones");
}

#[test]
fn another_description_is_another_backend_with_the_same_past() {
    let pool = pool(Vec::new());
    let mut placement = placed_in(Arc::clone(&pool), vec![entry("x", 80)]);
    let answer = found(80, "10.0.0.1");
    placement.place(|_| Some(&answer));
    let before = one(&pool, "x/10.0.0.1:80");
    let heavier = DiscoveredConfig { weight: 5, ..entry("x", 80) };
    let mut placement = placed_in(Arc::clone(&pool), vec![heavier]).succeed(placement);
    assert_eq!(placement.place(|_| Some(&answer)), Some(Moved { came: 0, left: 0, present: 1 }));
    let after = one(&pool, "x/10.0.0.1:80");
    assert!(Arc::ptr_eq(&before.stats, &after.stats));
    assert_eq!(pool.topology().weights(), [5 * WEIGHT_UNIT]);
    let unlimited = DiscoveredConfig { weight: 5, limits: BackendLimits::default(), ..entry("x", 80) };
    let mut placement = placed_in(Arc::clone(&pool), vec![unlimited]).succeed(placement);
    assert_eq!(placement.place(|_| Some(&answer)), Some(Moved { came: 0, left: 0, present: 1 }));
    assert_eq!(one(&pool, "x/10.0.0.1:80").limits, BackendLimits::default());
}

#[test]
fn another_pool_of_the_name_takes_them_over() {
    let mut placement = placed_in(pool(Vec::new()), vec![entry("x", 80)]);
    let answer = found(80, "10.0.0.1");
    placement.place(|_| Some(&answer));
    let before = one(placement.pool(), "x/10.0.0.1:80");
    let next = pool(vec![backend("s", "10.0.0.9:80")]);
    let mut placement = placed_in(Arc::clone(&next), vec![entry("x", 80)]).succeed(placement);
    assert!(placement.place(|_| Some(&answer)).is_some());
    assert_eq!(names(&next), ["s", "x/10.0.0.1:80"]);
    assert!(Arc::ptr_eq(&one(&next, "x/10.0.0.1:80"), &before));
}

#[test]
fn a_pool_has_its_limit() {
    let pool = pool(
        (0..MOST - 1).map(|n| backend(&n.to_string(), &format!("10.9.{}.{}:80", n / 250, n % 250))).collect(),
    );
    let mut placement = placed_in(Arc::clone(&pool), vec![entry("x", 80)]);
    let answer = found(80, "10.0.0.1 10.0.0.2");
    assert_eq!(placement.place(|_| Some(&answer)), Some(Moved { came: 1, left: 0, present: 1 }));
    assert_eq!(pool.topology().backends().len(), MOST);
}

#[test]
fn without_an_answer_a_pool_is_what_the_file_says() {
    let pool = pool(Vec::new());
    let mut placement = placed_in(Arc::clone(&pool), vec![entry("x", 80)]);
    assert_eq!(placement.place(|_| None), None);
    assert_eq!(pool.topology().eligible(), 0);
}

#[test]
fn who_the_file_names_as_dns_would_stays_where_dns_is_followed() {
    // A reload adds a backend under the name that DNS gives one already.
    let pool = pool(Vec::new());
    let mut placement = placed_in(Arc::clone(&pool), vec![entry("x", 80)]);
    let answer = found(80, "10.0.0.1 10.0.0.2");
    placement.place(|_| Some(&answer));
    let of_file = backend("x/10.0.0.1:80", "10.0.0.9:80");
    pool.reconfigure(ConfigurationGeneration(2), |members| members.file = vec![of_file], Member::healthy);
    placement.place(|_| Some(&answer));
    assert_eq!(names(&pool), ["x/10.0.0.1:80", "x/10.0.0.2:80"]);
    assert_eq!(one(&pool, "x/10.0.0.1:80").address.to_string(), "10.0.0.9:80");
    let fewer = found(80, "10.0.0.3");
    placement.place(|_| Some(&fewer));
    assert_eq!(names(&pool), ["x/10.0.0.1:80", "x/10.0.0.3:80"]);
}
