//! Policies run by hand.

use std::fmt::Write as _;

use http::StatusCode;

use super::*;
use crate::testing::{guest, guest_with, plugin};
use pointsman_core::record::ChosenBy;

fn backends() -> Vec<Backend> {
    ["a", "b", "c"].map(|name| Backend::new(name, ([192, 0, 2, 1], 80))).into()
}

fn start(plugin: Plugin) -> Simulation {
    Simulation::start(plugin, backends(), PolicySettings::default(), 7).expect("it serves")
}

/// `init` has 10 million of fuel here, and a turn of its loop takes 4: in time, three times too late, and five times.
#[test]
fn a_busy_machine_is_no_reason_to_refuse_an_instance() {
    let start = |turns: u32| {
        let content = guest_with(
            "init",
            &format!(
                "(local $left i32) (local.set $left (i32.const {turns}))
                 (loop $l (br_if $l (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
                 (i32.const 0)"
            ),
        );
        let settings = PolicySettings { deadline: Duration::from_micros(100), ..PolicySettings::default() };
        Simulation::start(plugin(content), backends(), settings, 7).map(drop)
    };
    assert_eq!(start(2_000_000).map_err(|error| error.to_string()), Ok(()));
    assert_eq!(start(7_500_000).map_err(|error| error.to_string()), Ok(()));
    let refused = start(12_500_000).unwrap_err().to_string();
    assert!(refused.contains("starting: deadline in `init`"), "{refused}");
}

#[test]
fn two_runs_with_one_seed_are_the_same() {
    let run = || {
        let mut simulation = start(Plugin::bundled("peak-ewma").unwrap());
        let mut picked = String::new();
        for round in 0..200_u64 {
            let request = simulation.request(&mut RequestHead::default()).unwrap();
            let name = request.backend().name.clone();
            write!(picked, "{name}").unwrap();
            let took = Duration::from_millis(if *name == *"a" { 50 } else { 1 + round % 3 });
            simulation.advance(took);
            simulation.respond(request, &Response::complete(StatusCode::OK, took));
        }
        picked
    };
    let (one, other) = (run(), run());
    assert_eq!(one, other);
    let share = one.matches('a').count();
    assert!(share < 50, "the slow backend gets less: {share} of 200");
}

#[test]
fn requests_count_as_in_the_proxy() {
    const HEAD: Option<(StatusCode, Duration)> = Some((StatusCode::OK, Duration::from_millis(3)));
    const BAD: Option<(StatusCode, Duration)> = Some((StatusCode::BAD_GATEWAY, Duration::from_millis(3)));
    for (answered, outcome, failures) in [
        (HEAD, outcome::COMPLETE, 0),
        (BAD, outcome::COMPLETE, 1),
        (HEAD, outcome::UPSTREAM_RESET, 1),
        (None, outcome::CONNECT_FAILURE, 1),
        (None, outcome::TIMEOUT, 1),
        (HEAD, outcome::CLIENT_ABORT, 0),
        (None, outcome::CLIENT_ABORT, 0),
    ] {
        let mut simulation = start(Plugin::bundled("round-robin").unwrap());
        let request = simulation.request(&mut RequestHead::default()).unwrap();
        let stats = Arc::clone(&request.backend().stats);
        let total = Duration::from_millis(9);
        simulation.respond(request, &Response { answered, outcome, total });
        assert_eq!((stats.failures(), stats.in_flight()), (failures, 0), "{answered:?} {outcome}");
    }
}

#[test]
fn the_clock_of_wasi_never_says_zero() {
    let content = guest_with(
        "init",
        "(drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 1024)))
         (i32.eqz (i64.eq (i64.load (i32.const 1024)) (i64.const 1000)))",
    );
    start(plugin(content));
}

#[test]
fn ticks_come_at_their_time() {
    let ticks = guest(
        r#"(func (export "pointsman_init") (result i32) (call $tick_every (i32.const 10)) (i32.const 0))
           (func (export "pointsman_tick")
            (drop (call $cell_add (i32.const 0) (i32.const 0) (i32.const 2) (i64.const 1))))"#,
    );
    let mut simulation = start(plugin(ticks));
    simulation.advance(Duration::from_millis(95));
    let cells = &simulation.slot.context().cells;
    assert_eq!(crate::testing::with_cell(cells, 2, |cell| cell.get()), 9);
}

#[test]
fn an_instance_that_fails_is_replaced_when_time_passes() {
    // Traps in its 2,000th pick: after admission.
    let bad = guest_with(
        "pick",
        "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
         (if (i32.eq (i32.load (i32.const 0)) (i32.const 2000)) (then unreachable))
         (i64.const 0x1_0000_0000)",
    );
    let mut simulation = start(plugin(bad));
    let chosen = |simulation: &mut Simulation| {
        let request = simulation.request(&mut RequestHead::default()).unwrap();
        let chosen_by = request.picked().chosen_by;
        simulation.respond(request, &Response::complete(StatusCode::OK, Duration::ZERO));
        chosen_by
    };
    for _ in 1..2000 {
        assert_eq!(chosen(&mut simulation), ChosenBy::Abstention);
    }
    assert_eq!([(); 2].map(|()| chosen(&mut simulation)), [ChosenBy::Fallback; 2]);
    simulation.advance(Duration::from_millis(9));
    assert_eq!(chosen(&mut simulation), ChosenBy::Fallback, "another instance takes 10 ms");
    simulation.advance(Duration::from_millis(1));
    assert_eq!(chosen(&mut simulation), ChosenBy::Abstention);
    assert_eq!((simulation.slot().stats().all_faults(), simulation.slot().stats().rebuilds()), (1, 1));
}

#[test]
fn a_swap_takes_effect_at_the_next_pick() {
    let mut simulation = start(Plugin::bundled("round-robin").unwrap());
    let outcome = simulation.swap(plugin(guest_with("pick", "(i64.const 0x2_0000_01f7)")));
    assert!(matches!(outcome, SwapOutcome::Swapped(_)), "{outcome:?}");
    let pick = simulation.request(&mut RequestHead::default()).unwrap_err();
    assert_eq!(pick, Pick::Reject(StatusCode::SERVICE_UNAVAILABLE));
}
