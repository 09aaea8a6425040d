//! The health of a pool over time, without waiting: the test says what time it is and how checks end.

use std::collections::HashSet;
use std::pin::pin;
use std::task::{Context, Waker};

use pointsman_core::backend::ResponseClass;
use pointsman_core::pool::UpstreamLimits;
use pointsman_sdk::abi::flag;

use super::*;
use crate::config::{EjectionConfig, HealthConfig, InitialHealth};
use crate::health::check_state::tests::config as check_config;

/// A pool and its health at a certain time.
struct Game {
    pool: Arc<Pool>,
    health: PoolHealth,
    now: Moment,
    draws: u64,
}

/// A backend of this name, on a port of its own unless one is given.
fn backend(name: &str, port: u16) -> Arc<Backend> {
    Arc::new(Backend {
        backup: name.starts_with('~'),
        draining: name.starts_with('-'),
        ..Backend::new(name, ([127, 0, 0, 1], port))
    })
}

/// Numbers from 0 to 1 that look random. SplitMix64, the same in every run.
fn draw(draws: &mut u64) -> f64 {
    *draws = draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *draws;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) as f64 / u64::MAX as f64
}

fn settings(config: HealthConfig) -> Arc<HealthSettings> {
    Arc::new(HealthSettings::from(config))
}

impl Game {
    fn new(config: HealthConfig, names: &[&str]) -> Self {
        let backends = names.iter().zip(1..).map(|(name, port)| backend(name, port)).collect();
        let pool = Arc::new(Pool::new("pool", 0, &UpstreamLimits::default(), backends));
        let settings = settings(config);
        settings.introduce(&pool);
        let (now, mut draws) = (Moment(1_000_000_000), 0);
        let health = PoolHealth::new(Arc::clone(&pool), settings, now, &mut || draw(&mut draws));
        Self { pool, health, now, draws }
    }

    /// Lets time pass, in which checks pass for the backends that are well. Returns which were checked, in order.
    fn pass(&mut self, ms: u64, well: &[&str]) -> Vec<String> {
        let end = self.now.after(Duration::from_millis(ms));
        let mut checked = Vec::new();
        loop {
            let draws = &mut self.draws;
            for due in self.health.turn(self.now, &mut || draw(draws)) {
                let name = self.health.backends[due.place].backend.name.to_string();
                let passed = well.contains(&&*name);
                checked.push(name);
                let result = if passed { Ok(()) } else { Err(Failure::Timeout) };
                let random = draw(&mut self.draws);
                self.health.check(due, self.now, &result, self.now, random);
            }
            let next = self.health.wake().max(self.now);
            if next > end {
                self.now = end;
                return checked;
            }
            self.now = next;
        }
    }

    /// Requests to a backend that all end like this.
    fn serve(&mut self, name: &str, count: u32, class: ResponseClass) {
        let stats = &self.health.backends.iter().find(|w| *w.backend.name == *name).unwrap().backend.stats;
        for _ in 0..count {
            stats.begin();
            let completion =
                pointsman_core::backend::Completion { latency: Duration::ZERO, failed: class.is_failure() };
            stats.complete(self.now, completion);
            if let Some(streak) = stats.streaks.count(class) {
                self.pool.ejection_signal.record(streak);
            }
            stats.end();
        }
        if pin!(self.pool.ejection_signal.signalled())
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
        {
            self.health.consider_ejections();
        }
    }

    /// Who is healthy, as the topology says, and below the names the whole of flags and weights.
    fn healthy(&self) -> Vec<String> {
        self.with_flag(flag::HEALTHY)
    }

    fn with_flag(&self, flag: u32) -> Vec<String> {
        let topology = self.pool.topology();
        let with = topology.backends().iter().zip(topology.flags()).filter(|(_, flags)| *flags & flag != 0);
        with.map(|(backend, _)| backend.name.to_string()).collect()
    }

    fn weights(&self) -> Vec<u32> {
        self.pool.topology().weights().to_vec()
    }

    /// Replaces the backends, as a reload does.
    fn replace(&mut self, backends: &[Arc<Backend>], settings: &Arc<HealthSettings>) {
        let newcomer = |backend| settings.newcomer(backend);
        self.pool.change_backends(|members| members.file = backends.to_vec(), newcomer);
        let draws = &mut self.draws;
        let (pool, settings) = (Arc::clone(&self.pool), Arc::clone(settings));
        self.health.change(pool, settings, self.now, &mut || draw(draws));
    }
}

fn checking() -> HealthConfig {
    HealthConfig { check: Some(check_config(2, 3)), ..HealthConfig::default() }
}

#[test]
fn checks_take_a_backend_down_and_bring_it_up() {
    let mut game = Game::new(checking(), &["a", "b", "c"]);
    game.pass(10_000, &["a", "b", "c"]);
    let generation = game.pool.topology_generation().0;
    assert_eq!((game.healthy().len(), generation), (3, 1), "nothing has changed");

    // One failure is no failure; three in a row are: within an interval and two fast ones, each a tenth longer.
    game.pass(1_900, &["a", "c"]);
    assert_eq!(game.healthy(), ["a", "b", "c"]);
    game.pass(2_600, &["a", "c"]);
    assert_eq!(game.healthy(), ["a", "c"]);
    assert_eq!(game.pool.topology_generation().0, generation + 1);
    game.pass(60_000, &["a", "c"]);
    assert_eq!(game.pool.topology_generation().0, generation + 1);

    game.pass(3_400, &["a", "b", "c"]);
    assert_eq!(game.healthy(), ["a", "b", "c"]);
    assert_eq!(game.pool.topology_generation().0, generation + 2);
}

#[test]
fn checks_come_evenly_and_one_at_a_time() {
    let names: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut game = Game::new(checking(), &names);
    for part in 0..20 {
        let checked = game.pass(100, &names);
        // Nine tenths of an interval after its first check a backend may be checked again.
        let expected = if part < 18 { 49..=51 } else { 25..=80 };
        assert!(expected.contains(&checked.len()), "{} in a twentieth of the interval", checked.len());
    }
    // Over 100 s each is checked every two seconds, give or take a tenth.
    let checked = game.pass(100_000, &names);
    for name in &names {
        let count = checked.iter().filter(|checked| checked == name).count();
        assert!((45..=56).contains(&count), "{name}: {count}");
    }
    // None is due while it is being checked.
    let mut waiting = HashSet::new();
    let draws = &mut game.draws;
    for second in 0..10 {
        let now = game.now.after(Duration::from_secs(second));
        for due in game.health.turn(now, &mut || draw(draws)) {
            assert!(waiting.insert(due.id));
        }
    }
    assert_eq!(waiting.len(), 1_000);
}

#[test]
fn what_happens_at_once_is_one_topology() {
    let names: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut game = Game::new(checking(), &names);
    game.pass(10_000, &names);
    let generation = game.pool.topology_generation().0;
    game.pass(10_000, &names[500..]);
    assert_eq!(game.healthy().len(), 500);
    // They go down over two seconds, and a topology comes at most every 100 ms.
    let topologies = game.pool.topology_generation().0 - generation;
    assert!((10..=40).contains(&topologies), "{topologies} topologies");
}

#[test]
fn a_backend_starts_with_the_configured_health() {
    let check = |initial| Some(crate::config::HealthCheckConfig { initial, ..check_config(2, 3) });
    for (initial, at_first, well, then) in [
        (InitialHealth::Up, "ab", "b", "ab"),
        (InitialHealth::Unchecked, "ab", "b", "b"),
        (InitialHealth::Down, "", "b", "b"),
    ] {
        let config = HealthConfig { check: check(initial), panic_threshold: 0, ..HealthConfig::default() };
        let mut game = Game::new(config, &["a", "b"]);
        assert_eq!(game.healthy().concat(), at_first, "{initial:?}");
        // Up: the first check may take the whole interval. The others: a fast one.
        game.pass(1_100, &[well]);
        assert_eq!(game.healthy().concat(), then, "{initial:?}");
    }
}

#[test]
fn what_is_unknown_is_no_reason_to_panic_and_what_is_down_is() {
    let check = crate::config::HealthCheckConfig { initial: InitialHealth::Down, ..check_config(2, 3) };
    for (panic_threshold, eligible) in [(0, ""), (10, "ab")] {
        let config = HealthConfig { check: Some(check.clone()), panic_threshold, ..HealthConfig::default() };
        let mut game = Game::new(config, &["a", "b"]);
        assert_eq!(game.with_flag(flag::ELIGIBLE).concat(), "", "no health is known");
        game.pass(1_200, &[]);
        assert_eq!(game.with_flag(flag::ELIGIBLE).concat(), eligible, "all have failed");
        assert_eq!((game.healthy().concat(), game.health.panics), (String::new(), panic_threshold > 0));
        game.pass(5_000, &["a"]);
        assert_eq!(game.with_flag(flag::ELIGIBLE).concat(), "a");
        assert!(!game.health.panics);
    }
}

#[test]
fn failures_in_a_row_eject_at_once_and_time_brings_back_on_trial() {
    let mut game = Game::new(HealthConfig::default(), &["a", "b", "c"]);
    game.pass(10, &[]);
    game.serve("a", 4, ResponseClass::GatewayFailure);
    game.serve("b", 19, ResponseClass::ServerError);
    game.pass(5_000, &[]);
    assert_eq!(game.healthy(), ["a", "b", "c"]);
    game.serve("a", 1, ResponseClass::GatewayFailure);
    game.pass(0, &[]);
    assert_eq!(game.healthy(), ["b", "c"]);
    // A third of three is out; two would be more than half.
    game.serve("b", 1, ResponseClass::ServerError);
    game.pass(10_000, &[]);
    assert_eq!(game.healthy(), ["b", "c"]);

    // Its time over, `a` is back; and now that there is room, `b` goes.
    game.pass(21_000, &[]);
    assert_eq!(game.healthy(), ["a", "c"]);
    // On trial: one failure is enough, and it is out for twice as long.
    game.pass(31_000, &[]);
    assert_eq!(game.healthy(), ["a", "b", "c"]);
    game.serve("a", 1, ResponseClass::Served);
    game.serve("a", 4, ResponseClass::GatewayFailure);
    game.serve("b", 1, ResponseClass::GatewayFailure);
    game.pass(59_000, &[]);
    assert_eq!(game.healthy(), ["a", "c"], "a has passed its trial, b hasn't");
    game.pass(2_000, &[]);
    assert_eq!(game.healthy(), ["a", "b", "c"]);
}

#[test]
fn a_share_of_failures_ejects_even_if_there_are_successes_in_between() {
    let mut game = Game::new(HealthConfig::default(), &["a", "b"]);
    for _ in 0..10 {
        for (name, failures) in [("a", 9), ("b", 8)] {
            game.serve(name, failures / 2, ResponseClass::ServerError);
            game.serve(name, 10 - failures, ResponseClass::Served);
            game.serve(name, failures - failures / 2, ResponseClass::ServerError);
        }
        game.pass(1_000, &[]);
    }
    assert_eq!(game.healthy(), ["b"], "90 % and 80 %");
    // What was before doesn't count once it is back.
    game.pass(30_000, &[]);
    assert_eq!(game.healthy(), ["a", "b"]);
}

#[test]
fn the_only_backend_is_never_ejected_and_a_backup_takes_over() {
    let mut game = Game::new(HealthConfig::default(), &["a", "-draining"]);
    game.serve("a", 100, ResponseClass::GatewayFailure);
    game.pass(2_000, &[]);
    assert_eq!(game.with_flag(flag::ELIGIBLE), ["a"]);

    let mut game = Game::new(HealthConfig::default(), &["a", "~backup"]);
    game.serve("a", 5, ResponseClass::GatewayFailure);
    game.pass(0, &[]);
    assert_eq!(game.with_flag(flag::ELIGIBLE), ["~backup"]);
    assert!(!game.health.panics, "a backup is no emergency");
}

#[test]
fn an_ejected_backend_that_restarts_is_as_new() {
    let mut game = Game::new(checking(), &["a", "b", "c"]);
    game.serve("a", 5, ResponseClass::GatewayFailure);
    // Passing checks alone don't end an ejection.
    game.pass(10_000, &["a", "b", "c"]);
    assert_eq!(game.healthy(), ["b", "c"]);
    game.pass(6_000, &["b", "c"]);
    game.pass(6_000, &["a", "b", "c"]);
    assert_eq!(game.healthy(), ["a", "b", "c"], "long before its time");
    game.serve("a", 4, ResponseClass::GatewayFailure);
    game.pass(1_000, &["a", "b", "c"]);
    assert_eq!(game.healthy(), ["a", "b", "c"], "not on trial");
}

#[test]
fn weight_grows_in_ten_steps_after_a_fall_and_not_at_the_start() {
    let mut game = Game::new(HealthConfig { slow_start: Duration::from_secs(10), ..checking() }, &["a", "b"]);
    assert_eq!(game.weights(), [1000, 1000]);
    game.pass(10_000, &["b"]);
    assert_eq!((game.healthy(), game.weights()), (vec!["b".to_owned()], vec![1000, 1000]));
    let mut weights = vec![];
    let generation = game.pool.topology_generation().0;
    for _ in 0..200 {
        game.pass(100, &["a", "b"]);
        if game.healthy().len() == 2 && weights.last() != Some(&game.weights()[0]) {
            weights.push(game.weights()[0]);
        }
    }
    assert_eq!(weights, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
    assert_eq!(game.pool.topology_generation().0 - generation, 10);
    assert_eq!(game.pool.topology().backends()[0].weight, 1000, "the configured weight stays");
}

#[test]
fn what_is_known_outlives_a_change_of_the_backends() {
    let config = HealthConfig { slow_start: Duration::from_secs(10), ..checking() };
    let mut game = Game::new(config.clone(), &["a", "b", "c"]);
    game.pass(10_000, &["b", "c"]);
    game.serve("b", 5, ResponseClass::GatewayFailure);
    assert_eq!(game.healthy(), ["b", "c"]);
    // b can't be ejected beside a. In another order, with one more backend and room for it, it is.
    let c = Arc::clone(&game.health.backends[2].backend);
    let b = Arc::clone(&game.health.backends[1].backend);
    let settings = settings(config);
    game.replace(&[c, b, backend("new", 7), backend("a", 1)], &settings);
    assert_eq!(game.weights(), [1000, 1000, 100, 1000], "the new one starts slowly");
    game.pass(2_000, &["b", "c", "new"]);
    assert_eq!(game.healthy(), ["c", "new"], "a is still down, b ejected");

    // With another address it is another backend.
    game.replace(&[backend("a", 8), backend("c", 3)], &settings);
    game.pass(100, &["a", "c"]);
    assert_eq!(game.healthy(), ["a", "c"]);
    assert_eq!(game.weights()[0], 100);
}

#[test]
fn settings_change_while_checks_are_under_way() {
    let mut game = Game::new(checking(), &["a", "b"]);
    let backends: Vec<_> = game.health.backends.iter().map(|backend| Arc::clone(&backend.backend)).collect();
    let later = game.now.after(Duration::from_secs(2));
    let draws = &mut game.draws;
    let under_way = game.health.turn(later, &mut || draw(draws));
    assert_eq!(under_way.len(), 2);
    // No checks, and then checks again: the old ones come in too late to count or to be repeated.
    game.replace(&backends, &settings(HealthConfig::default()));
    game.replace(&backends, &settings(checking()));
    for due in under_way {
        game.health.check(due, later, &Err(Failure::Timeout), later, 0.5);
    }
    let checked = game.pass(20_000, &["a", "b"]);
    assert!((18..=24).contains(&checked.len()), "{}", checked.len());
    assert_eq!(game.health.checks.len(), 2);

    // Without ejection, no backend stays ejected.
    game.serve("a", 5, ResponseClass::GatewayFailure);
    game.pass(0, &["a", "b"]);
    assert_eq!(game.healthy(), ["b"]);
    let ejection = EjectionConfig { enabled: false, ..EjectionConfig::default() };
    game.replace(&backends, &settings(HealthConfig { ejection, ..checking() }));
    game.pass(100, &["a", "b"]);
    assert_eq!(game.healthy(), ["a", "b"]);
}
