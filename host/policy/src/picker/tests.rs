//! A worker's picks with guests that are good, bad, and turn bad after they were let in.

use std::sync::Arc;

use http::StatusCode;
use pointsman_core::backend::{BackendIndex, ConfigurationGeneration, TopologyGeneration};
use pointsman_core::topology::Member;
use pointsman_sdk::abi::outcome;

use super::*;
use crate::cells::Cells;
use crate::fault::FaultKind;
use crate::loader::PolicyLoader;
use crate::settings::PolicySettings;
use crate::supervisor::Opened;
use crate::testing::{
    ABSTAIN, guest, guest_with, loader, open, plugin, pool, replace_backends, request, wait_for, with_cell,
};

/// Does what cell 0 says: 0 = picks backend 0 or abstains, anything else is a way to be hostile.
const MOODY: &str = r#"
    (data (i32.const 8) "so this is the end")
    (func $deeper (param i32) (result i32)
        (i32.add (i32.const 1) (call $deeper (i32.add (i32.const 1) (local.get 0)))))
    (func (export "pointsman_pick") (result i64) (local $mood i64)
        (local.set $mood (call $cell_get (i32.const 0) (i32.const 0) (i32.const 0)))
        (if (i64.eq (local.get $mood) (i64.const 1)) (then
            (call $log (i32.const 4) (i32.const 8) (i32.const 18)) unreachable))
        (if (i64.eq (local.get $mood) (i64.const 2)) (then (loop $l (br $l))))
        (if (i64.eq (local.get $mood) (i64.const 3)) (then (drop (memory.grow (i32.const 1000)))))
        (if (i64.eq (local.get $mood) (i64.const 4)) (then (drop (call $deeper (i32.const 0)))))
        (if (i64.eq (local.get $mood) (i64.const 5)) (then (return (i64.const 99))))
        (if (i64.eq (local.get $mood) (i64.const 6)) (then (return (i64.const -1))))
        (if (i64.eq (local.get $mood) (i64.const 7)) (then (drop (call $weights (i32.const -1) (i32.const 8)))))
        (if (i64.eq (local.get $mood) (i64.const 8)) (then (return (i64.const 0x2_0000_01ad))))
        (if (call $tried (i32.const 0)) (then (return (i64.const 0x1_0000_0000))))
        (i64.const 0))"#;

fn picked(pick: Pick) -> Picked {
    match pick {
        Pick::Backend(picked) => picked,
        other => panic!("{other:?}"),
    }
}

struct Moody {
    loader: PolicyLoader,
    cells: Arc<Cells>,
    opened: Opened,
}

impl Moody {
    fn new() -> Self {
        let (loader, cells) = (loader(1), Arc::<Cells>::default());
        let opened = open(&loader, guest(MOODY), &cells);
        Self { loader, cells, opened }
    }

    fn mood(&self, mood: i64) {
        with_cell(&self.cells, 0, |cell| cell.set(mood));
    }

    fn pick(&mut self) -> Pick {
        self.opened.pickers[0].pick(&mut request())
    }
}

#[test]
fn the_policy_picks_abstains_and_rejects() {
    let mut moody = Moody::new();
    let first = picked(moody.pick());
    assert_eq!((first.index, first.chosen_by), (BackendIndex(0), ChosenBy::Policy));
    let mut retry = request();
    retry.tried.rebase(TopologyGeneration(1));
    retry.tried.attempt = 1;
    retry.tried.insert(BackendIndex(0));
    let second = picked(moody.opened.pickers[0].pick(&mut retry));
    assert_eq!(second.chosen_by, ChosenBy::Abstention);
    assert_ne!(second.index, BackendIndex(0));
    for index in [1, 2] {
        retry.tried.insert(BackendIndex(index));
    }
    assert_eq!(moody.opened.pickers[0].pick(&mut retry), Pick::Unavailable);
    moody.mood(8);
    assert_eq!(moody.pick(), Pick::Reject(StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(moody.opened.slot.stats().all_faults(), 0);
    assert_eq!(moody.opened.slot.stats().fallback_picks(), 0, "abstaining is no failure");
}

#[test]
fn every_fault_is_served_by_the_fallback_counted_and_repaired() {
    for (mood, kind) in [
        (1, FaultKind::Trap),
        (2, FaultKind::Deadline),
        (3, FaultKind::Memory),
        (4, FaultKind::Trap),
        (7, FaultKind::HostRefusal),
    ] {
        let mut moody = Moody::new();
        moody.mood(mood);
        assert_eq!(picked(moody.pick()).chosen_by, ChosenBy::Fallback, "{kind:?}");
        assert!(moody.opened.pickers[0].version().is_none(), "a failed instance is never asked again");
        assert_eq!(picked(moody.pick()).chosen_by, ChosenBy::Fallback);
        let slot = Arc::clone(&moody.opened.slot);
        assert_eq!((slot.stats().faults(kind), slot.stats().all_faults()), (1, 1));
        assert!(slot.stats().fallback_picks() >= 2);

        moody.mood(0);
        wait_for("another instance", || picked(moody.pick()).chosen_by == ChosenBy::Policy);
        assert_eq!((slot.stats().rebuilds(), slot.stats().all_faults()), (1, 1));
    }
}

#[test]
fn bad_verdicts_are_overruled_and_many_in_a_row_cost_the_instance() {
    for mood in [5, 6] {
        let mut moody = Moody::new();
        moody.mood(mood);
        for _ in 1..BAD_VERDICTS {
            assert_eq!(picked(moody.pick()).chosen_by, ChosenBy::Fallback);
        }
        assert!(moody.opened.pickers[0].version().is_some());
        moody.mood(0);
        assert_eq!(picked(moody.pick()).chosen_by, ChosenBy::Policy, "a good one ends the row");
        moody.mood(mood);
        for _ in 0..BAD_VERDICTS {
            moody.pick();
        }
        assert!(moody.opened.pickers[0].version().is_none());
        let faults = moody.opened.slot.stats().faults(FaultKind::BadVerdict);
        assert_eq!(faults, u64::from(BAD_VERDICTS) * 2 - 1);
    }
}

#[test]
fn where_no_other_backend_will_do_a_fault_rejects() {
    let (loader, cells) = (loader(1), Arc::<Cells>::default());
    let settings = PolicySettings { on_fault: OnFault::Reject, ..Default::default() };
    let pool = pool("api", &["a", "b"]);
    let mut opened = loader.open(pool, settings, Arc::clone(&cells), plugin(guest(MOODY))).unwrap();
    let (picker, stats) = (&mut opened.pickers[0], opened.slot.stats());
    // Once by its verdict, once by a trap; then there is no instance to ask.
    for mood in [5, 1, 0] {
        with_cell(&cells, 0, |cell| cell.set(mood));
        assert_eq!(picker.pick(&mut request()), Pick::Failed, "mood {mood}");
    }
    assert_eq!((stats.rejected_picks(), stats.fallback_picks()), (3, 0));
    let before = Arc::clone(picker.topology());
    assert_eq!(picker.pick_in(&before, &mut request()), Pick::Failed, "nor after a reload");
    let mut retry = request();
    retry.tried.rebase(TopologyGeneration(1));
    retry.tried.insert(BackendIndex(0));
    wait_for("another instance", || picker.pick(&mut request()) != Pick::Failed);
    assert_eq!(picked(picker.pick(&mut retry)).chosen_by, ChosenBy::Abstention, "abstaining is no fault");
}

#[test]
fn a_policy_that_stays_bad_is_tried_less_and_less_often() {
    let mut moody = Moody::new();
    moody.mood(1);
    let slot = Arc::clone(&moody.opened.slot);
    wait_for("five failures", || {
        picked(moody.pick());
        slot.stats().all_faults() == 5
    });
    // 10 + 20 + 40 + 80 ms have passed; now the circuit is open for a second.
    wait_for("the circuit to open", || slot.stats().circuits_opened() == 1);
    assert!(slot.stats().rebuilds() <= 4);
    assert_eq!(slot.stats().open_circuits(), 1);
    wait_for("a probe", || {
        picked(moody.pick());
        slot.stats().all_faults() == 6
    });
    assert_eq!((slot.stats().circuits_opened(), slot.stats().open_circuits()), (1, 1));

    // What one version did isn't held against the next.
    let content = guest(&format!("{MOODY} (global i32 (i32.const 1))"));
    moody.loader.swap(&slot, plugin(content), |_| {});
    moody.mood(0);
    wait_for("the next version", || picked(moody.pick()).chosen_by == ChosenBy::Policy);
    assert_eq!(slot.stats().open_circuits(), 0);
}

#[test]
fn nothing_eligible_is_not_the_policys_business() {
    let loader = loader(1);
    let pool = pool("api", &["a"]);
    let content = plugin(guest(MOODY));
    let mut opened =
        loader.open(Arc::clone(&pool), PolicySettings::default(), Arc::default(), content).unwrap();
    replace_backends(&pool, &["-a"]);
    assert_eq!(opened.pickers[0].pick(&mut request()), Pick::Unavailable);
    replace_backends(&pool, &[]);
    assert_eq!(opened.pickers[0].pick(&mut request()), Pick::Unavailable);
    replace_backends(&pool, &["a"]);
    assert_eq!(picked(opened.pickers[0].pick(&mut request())).chosen_by, ChosenBy::Policy);
}

/// Counts its calls in cells: topology in 1, tick in 2; the last response in 3 to 6. Ticks every 10 ms.
const ATTENTIVE: &str = r#"
    (func (export "pointsman_init") (result i32) (call $tick_every (i32.const 10)) (i32.const 0))
    (func (export "pointsman_topology")
        (call $cell_set (i32.const 0) (i32.const 0) (i32.const 1)
            (i64.extend_i32_u (call $backend_count))))
    (func (export "pointsman_tick")
        (drop (call $cell_add (i32.const 0) (i32.const 0) (i32.const 2) (i64.const 1))))
    (func (export "pointsman_observe") (param i32 i32 i32 i64 i64)
        (call $cell_set (i32.const 0) (i32.const 0) (i32.const 3) (i64.extend_i32_s (local.get 0)))
        (call $cell_set (i32.const 0) (i32.const 0) (i32.const 4) (i64.extend_i32_s (local.get 1)))
        (call $cell_set (i32.const 0) (i32.const 0) (i32.const 5) (local.get 3))
        (drop (call $cell_add (i32.const 0) (i32.const 0) (i32.const 6) (i64.const 1))))
    (func (export "pointsman_pick") (result i64)
        (if (call $tried (i32.const 2)) (then (return (i64.const 0x1_0000_0000))))
        (if (i32.lt_u (call $backend_count) (i32.const 3)) (then (return (i64.const 0x1_0000_0000))))
        (if (i32.and (call $flags (i32.const 2)) (i32.const 1)) (then (return (i64.const 2))))
        (i64.const 0x1_0000_0000))"#;

fn response() -> Response {
    Response {
        answered: Some((StatusCode::OK, Duration::from_micros(1500))),
        outcome: outcome::COMPLETE,
        total: Duration::from_micros(2500),
    }
}

#[test]
fn responses_reach_only_the_policy_that_picked() {
    let (loader, cells) = (loader(1), Arc::<Cells>::default());
    let mut opened = open(&loader, guest(ATTENTIVE), &cells);
    let picker = &mut opened.pickers[0];
    assert!(picker.wants_responses());
    let seen = |slot| with_cell(&cells, slot, |cell| cell.get());

    let old = picked(picker.pick(&mut request()));
    picker.observe(old, &response(), ObservedRequest::Nothing);
    assert_eq!([3, 4, 5, 6].map(seen), [2, 200, 1500, 1]);

    // Without a response head there is no status and no time to it.
    picker.observe(old, &Response { answered: None, ..response() }, ObservedRequest::Nothing);
    assert_eq!([3, 4, 5, 6].map(seen), [2, 0, -1, 2]);

    // The same index is another backend now.
    replace_backends(opened.slot.pool(), &["c", "a", "b"]);
    picker.observe(old, &response(), ObservedRequest::Nothing);
    assert_eq!(seen(6), 2);
    assert_eq!(seen(1), 3, "but it sees the topology");
    let old = picked(picker.pick(&mut request()));

    let (reply, outcome) = std::sync::mpsc::channel();
    let other = guest(&format!("{ATTENTIVE} (func)"));
    loader.swap(&opened.slot, plugin(other), move |outcome| drop(reply.send(outcome)));
    outcome.recv().unwrap();
    let picker = &mut opened.pickers[0];
    picker.observe(old, &response(), ObservedRequest::Nothing);
    assert_eq!(seen(6), 2, "another version picked");
    let new = picked(picker.pick(&mut request()));
    picker.observe(new, &response(), ObservedRequest::Nothing);
    assert_eq!(seen(6), 3);
}

#[test]
fn ticks_come_at_the_policys_interval() {
    let (loader, cells) = (loader(1), Arc::<Cells>::default());
    let mut opened = open(&loader, guest(ATTENTIVE), &cells);
    let ticks = || with_cell(&cells, 2, |cell| cell.get());
    let rest = opened.pickers[0].tick();
    assert!(rest <= Duration::from_millis(10));
    wait_for("three ticks", || {
        let rest = opened.pickers[0].tick();
        assert!(rest <= Duration::from_millis(10), "{rest:?}");
        ticks() == 3
    });
}

#[test]
fn hooks_that_fail_cost_the_instance_and_nothing_else() {
    for hook in ["topology", "tick", "observe"] {
        let arguments = if hook == "observe" { "(param i32 i32 i32 i64 i64)" } else { "" };
        let content = guest(&format!(
            r#"(func (export "pointsman_init") (result i32) (call $tick_every (i32.const 10)) (i32.const 0))
               (func (export "pointsman_{hook}") {arguments}
                (if (i32.wrap_i64 (call $cell_get (i32.const 0) (i32.const 0) (i32.const 0))) (then unreachable)))
               (func (export "pointsman_pick") (result i64) {ABSTAIN})"#
        ));
        let (loader, cells) = (loader(1), Arc::<Cells>::default());
        let mut opened = open(&loader, content, &cells);
        let slot = Arc::clone(&opened.slot);
        let picker = &mut opened.pickers[0];
        with_cell(&cells, 0, |cell| cell.set(1));
        let before = picked(picker.pick(&mut request()));
        wait_for("the fault", || {
            match hook {
                "topology" => replace_backends(slot.pool(), &["a", "b"]),
                "tick" => drop(picker.tick()),
                _ => picker.observe(before, &response(), ObservedRequest::Nothing),
            }
            picked(picker.pick(&mut request()));
            slot.stats().all_faults() > 0
        });
        with_cell(&cells, 0, |cell| cell.set(0));
        wait_for("another instance", || {
            picked(picker.pick(&mut request()));
            picker.version().is_some()
        });
    }
}

#[test]
fn the_retry_of_a_request_forgets_indexes_of_another_topology() {
    let mut moody = Moody::new();
    let mut head = request();
    assert_eq!(picked(moody.opened.pickers[0].pick(&mut head)).index, BackendIndex(0));
    head.tried.insert(BackendIndex(0));
    replace_backends(moody.opened.slot.pool(), &["new", "a"]);
    assert_eq!(picked(moody.opened.pickers[0].pick(&mut head)).index, BackendIndex(0));
    drop(moody.loader);
}

#[test]
fn what_began_with_an_earlier_configuration_keeps_to_its_backends() {
    let loader = loader(1);
    let mut opened = open(&loader, guest(""), &Arc::default());
    let (pool, mut picker) = (Arc::clone(opened.slot.pool()), opened.pickers.remove(0));
    let (first, second) = (ConfigurationGeneration::FIRST, ConfigurationGeneration::FIRST.next());
    picker.enter(first);
    pool.reconfigure(second, |members| members.file.clear(), Member::healthy);
    // The worker hasn't come to the second configuration yet: the policy picks as before.
    let before = Arc::clone(picker.topology());
    assert_eq!(before.backends().len(), 3);
    assert_eq!(picked(picker.pick(&mut request())).chosen_by, ChosenBy::Abstention);
    picker.enter(second);
    assert_eq!(picker.pick(&mut request()), Pick::Unavailable);
    // What is sent again has its own three backends, each once.
    let mut head = request();
    for attempt in 0..3 {
        let index = picked(picker.pick_in(&before, &mut head)).index;
        assert!(!head.tried.contains(index), "attempt {attempt}");
        head.tried.insert(index);
    }
    assert_eq!(picker.pick_in(&before, &mut head), Pick::Unavailable);
}

#[test]
fn picks_that_take_more_than_their_share_of_the_time_are_a_fault() {
    let busy = guest_with(
        "pick",
        &format!(
            "(local $n i32) (local.set $n (i32.const 20000))
             (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) {ABSTAIN}"
        ),
    );
    let settings = PolicySettings { cpu_percent: 1, ..PolicySettings::default() };
    let loader = loader(1);
    let mut opened = loader
        .open(pool("api", &["a", "b"]), settings, Arc::default(), plugin(busy))
        .expect("it is admitted");
    let stats = |opened: &Opened| opened.slot.stats().faults(FaultKind::Overspent);
    wait_for("the fault", || {
        let picker = &mut opened.pickers[0];
        picked(picker.pick(&mut request()));
        picker.tick();
        stats(&opened) > 0
    });
    let spent = opened.slot.stats().cpu_time();
    assert!(spent > Duration::from_millis(10), "{spent:?}");
    assert!(opened.slot.stats().greatest_cpu_percent() > 1);
    wait_for("another instance", || {
        picked(opened.pickers[0].pick(&mut request()));
        opened.pickers[0].version().is_some()
    });
}

#[test]
fn topologies_that_take_long_to_hear_of_count_as_well() {
    let busy = guest_with(
        "topology",
        "(local $n i32) (local.set $n (i32.const 2000000))
         (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))",
    );
    let settings = PolicySettings { cpu_percent: 1, ..PolicySettings::default() };
    let loader = loader(1);
    let mut opened = loader
        .open(pool("api", &["a", "b"]), settings, Arc::default(), plugin(busy))
        .expect("it is admitted");
    wait_for("the fault", || {
        replace_backends(opened.slot.pool(), &["a", "b"]);
        opened.pickers[0].tick();
        opened.slot.stats().faults(FaultKind::Overspent) > 0
    });
}
