//! Swaps from the request to the worker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::cells::Cells;
use crate::picker::Pick;
use crate::probation::{ProbationOutcome, ProbationSettings};
use crate::settings::PolicySettings;
use crate::testing::{guest_with, loader, open, plugin, pool, request, wait_for, with_cell};
use crate::version::VersionId;

mod learnt;
mod rollback;

/// A guest that picks this backend, or abstains where it can't; counts its picks in cell 1.
fn picks(index: u32) -> Vec<u8> {
    guest_with(
        "pick",
        &format!(
            "(drop (call $cell_add (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 1)))
             (if (i32.or (call $tried (i32.const {index}))
                     (i32.eqz (i32.and (call $flags (i32.const {index})) (i32.const 1))))
                 (then (return (i64.const 0x1_0000_0000))))
             (i64.const {index})"
        ),
    )
}

fn swap(loader: &PolicyLoader, slot: &Arc<PolicySlot>, content: Vec<u8>) -> SwapOutcome {
    let (reply, outcome) = mpsc::channel();
    loader.swap(slot, plugin(content), move |outcome| drop(reply.send(outcome)));
    outcome.recv().expect("every swap has an outcome")
}

fn index(pick: Pick) -> u32 {
    match pick {
        Pick::Backend(picked) => picked.index.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_worker_adopts_a_swap_at_its_next_pick_and_cells_stay() {
    let (loader, cells) = (loader(2), Arc::<Cells>::default());
    let mut opened = open(&loader, picks(0), &cells);
    assert_eq!(opened.pickers.len(), 2);
    for picker in &mut opened.pickers {
        assert_eq!(index(picker.pick(&mut request())), 0);
    }
    let outcome = swap(&loader, &opened.slot, picks(2));
    let SwapOutcome::Swapped(swap) = outcome else { panic!("{outcome:?}") };
    assert_eq!((swap.from, swap.to), (VersionId::of(&picks(0)), VersionId::of(&picks(2))));
    let active = opened.slot.active();
    assert_eq!((active.version.id, active.publication.get()), (swap.to, 2));
    for picker in &mut opened.pickers {
        assert_eq!(index(picker.pick(&mut request())), 2);
        assert_eq!(picker.version().unwrap().id, swap.to);
    }
    assert_eq!(with_cell(&cells, 1, |cell| cell.get()), 4, "both versions counted in the same cell");
}

#[test]
fn the_content_that_serves_is_not_swapped() {
    let loader = loader(1);
    let opened = open(&loader, picks(0), &Arc::default());
    let outcome = swap(&loader, &opened.slot, picks(0));
    assert!(matches!(outcome, SwapOutcome::Unchanged(id) if id == VersionId::of(&picks(0))));
    assert_eq!(opened.slot.active().publication.get(), 1);
}

#[test]
fn the_last_of_several_swaps_wins_even_if_it_leads_back() {
    // As many as it takes for building their instances to last a while.
    let loader = loader(64);
    let opened = open(&loader, picks(0), &Arc::default());
    let (reply, outcomes) = mpsc::channel();
    for round in 0..10 {
        for content in [picks(1 + round % 2), picks(0)] {
            let reply = reply.clone();
            loader.swap(&opened.slot, plugin(content), move |outcome| drop(reply.send(outcome)));
        }
    }
    drop(reply);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, SwapOutcome::Swapped(_))));
    assert_eq!(opened.slot.active().version.id, VersionId::of(&picks(0)));
}

#[test]
fn a_refused_version_changes_nothing_and_is_remembered() {
    let loader = loader(1);
    let mut opened = open(&loader, picks(0), &Arc::default());
    for content in [guest_with("init", "unreachable"), b"\0asm\x01\0\0".to_vec(), b"garbage".to_vec()] {
        let first = swap(&loader, &opened.slot, content.clone());
        let again = swap(&loader, &opened.slot, content);
        let (SwapOutcome::Refused(first), SwapOutcome::Refused(again)) = (first, again) else { panic!() };
        assert_eq!(first, again);
    }
    assert_eq!(index(opened.pickers[0].pick(&mut request())), 0);
    assert_eq!(opened.slot.active().publication.get(), 1);
    assert!(matches!(swap(&loader, &opened.slot, picks(1)), SwapOutcome::Swapped(_)));
}

#[test]
fn a_broken_content_costs_one_compilation() {
    let loader = loader(1);
    // Takes long to compile, and has no `pick`.
    let steps: String =
        (0..60).map(|step| format!("i32.const {step} i32.mul local.get 0 i32.xor ")).collect();
    let function = format!("(func (param i32) (result i32) local.get 0 {steps})");
    let broken = wat::parse_str(format!("(module {})", function.repeat(200))).unwrap();
    let refuse = || {
        let began = Instant::now();
        let checked = loader.check(pool("api", &["a"]), PolicySettings::default(), plugin(broken.clone()));
        assert!(matches!(checked, Err(Refusal::MissingExport { .. })), "{checked:?}");
        began.elapsed()
    };
    let first = refuse();
    let more: Duration = (0..5).map(|_| refuse()).sum();
    assert!(more < first, "five more times cost {more:?}, the first one {first:?}");
}

#[test]
fn refusals_of_one_pool_do_not_bind_another() {
    let loader = loader(1);
    // Ready only with a configuration.
    let choosy = guest_with("init", "(i32.eq (call $config (i32.const 0) (i32.const 0)) (i32.const 2))");
    let settings = |config: &str| PolicySettings { config: config.into(), ..Default::default() };
    let open = |config: &str| {
        loader.open(pool("api", &["a"]), settings(config), Arc::default(), plugin(choosy.clone()))
    };
    assert!(matches!(open("{}"), Err(Refusal::Init { .. })));
    assert!(open(r#"{"a":1}"#).is_ok());
}

#[test]
fn pools_with_the_same_content_share_its_compilation_and_nothing_else() {
    let loader = loader(1);
    let (cells_a, cells_b) = (Arc::<Cells>::default(), Arc::<Cells>::default());
    let mut a = open(&loader, picks(0), &cells_a);
    let mut b = open(&loader, picks(0), &cells_b);
    assert!(Arc::ptr_eq(&a.slot.active().version, &b.slot.active().version));
    assert!(matches!(swap(&loader, &b.slot, picks(1)), SwapOutcome::Swapped(_)));
    assert_eq!(index(a.pickers[0].pick(&mut request())), 0);
    assert_eq!(index(b.pickers[0].pick(&mut request())), 1);
    assert_eq!([&cells_a, &cells_b].map(|cells| with_cell(cells, 1, |cell| cell.get())), [1, 1]);
}

#[test]
fn many_swaps_while_workers_pick() {
    const SWAPS: u32 = 20;
    let loader = loader(2);
    let Opened { slot, pickers } = open(&loader, picks(0), &Arc::default());
    let done = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = pickers
        .into_iter()
        .map(|mut picker| {
            let done = Arc::clone(&done);
            thread::spawn(move || {
                let mut count = 0u64;
                while !done.load(Ordering::Relaxed) {
                    assert!(matches!(picker.pick(&mut request()), Pick::Backend(_)));
                    count += 1;
                }
                wait_for("the last version", || {
                    picker.pick(&mut request());
                    picker.version().is_some_and(|version| version.id == VersionId::of(&picks(SWAPS % 3)))
                });
                count
            })
        })
        .collect();
    let outcomes: Vec<_> = (1..=SWAPS).map(|number| swap(&loader, &slot, picks(number % 3))).collect();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, SwapOutcome::Swapped(_))));
    done.store(true, Ordering::Relaxed);
    for worker in workers {
        assert!(worker.join().unwrap() > 0);
    }
    assert_eq!(slot.stats().all_faults(), 0);
    assert_eq!(slot.active().publication.get(), u64::from(SWAPS) + 1);
    // The loader ends although pickers and slots may still exist.
    drop(loader);
}

#[test]
fn unused_versions_are_dropped() {
    let loader = loader(2);
    // What may come back is kept for the time of the probation.
    let probation = ProbationSettings { picks: 0, time: Duration::from_millis(1), faults: 5 };
    let settings = PolicySettings { probation, ..Default::default() };
    let pool = pool("api", &["a", "b", "c"]);
    let mut opened = loader.open(pool, settings, Arc::default(), plugin(picks(0))).unwrap();
    let first = Arc::downgrade(&opened.slot.active().version);
    // One worker never picks: its undelivered instance is dropped with the next publication.
    for number in 1..4 {
        swap(&loader, &opened.slot, picks(number % 3));
        opened.pickers[0].pick(&mut request());
    }
    swap(&loader, &opened.slot, picks(1));
    for picker in &mut opened.pickers {
        picker.tick();
    }
    wait_for("the first version's end", || first.strong_count() == 0);
}

#[test]
fn after_the_end_pickers_pick_and_swaps_are_answered() {
    let loader = loader(1);
    let mut opened = open(&loader, picks(0), &Arc::default());
    let (jobs, supervisor) = (loader.jobs.clone(), loader.commands.clone());
    drop(loader);
    assert!(supervisor.send(Command::End).is_err(), "the supervisor has ended");
    assert_eq!(index(opened.pickers[0].pick(&mut request())), 0);
    let (reply, outcome) = mpsc::channel();
    let reply = Reply::new(move |outcome| drop(reply.send(outcome)));
    drop(jobs.send(Job::Swap { slot: Arc::clone(&opened.slot), plugin: plugin(picks(1)), reply }));
    let outcome = outcome.recv().expect("every swap has an outcome");
    assert!(matches!(outcome, SwapOutcome::Refused(Refusal::Stopped)), "{outcome:?}");
}

#[test]
fn bundled_policies_pass_and_balance() {
    let loader = loader(1);
    for name in crate::names() {
        let pool = pool("api", &["a", "-b", "c", "d"]);
        let plugin = Plugin::bundled(name).unwrap();
        let config = crate::required_config(name).unwrap_or("{}").into();
        let settings = PolicySettings { config, ..PolicySettings::default() };
        let mut opened =
            loader.open(pool, settings, Arc::default(), plugin).expect("bundled policies are fit");
        let mut counts = [0; 4];
        for client in 0..200 {
            let mut head = request();
            head.client = [10, 0, 0, client].into();
            counts[index(opened.pickers[0].pick(&mut head)) as usize] += 1;
        }
        assert_eq!(counts[1], 0, "{name}: {counts:?}");
        // Here nothing is ever in flight: the first is enough for all, and by its weight the last has the least time.
        let used = if ["first", "least-time"].contains(&name) { 1 } else { 3 };
        assert_eq!(counts.iter().filter(|&&count| count > 5).count(), used, "{name}: {counts:?}");
        assert_eq!(opened.slot.stats().all_faults(), 0, "{name}");
    }
    assert!(Plugin::bundled("no-such-policy").is_none());
}
