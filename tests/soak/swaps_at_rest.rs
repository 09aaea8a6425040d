//! Swaps without load: what is replaced is given back, all of it.

use std::fs;
use std::num::NonZeroUsize;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use harness::{constant, revised, wait_until};
use pointsman_core::backend::Backend;
use pointsman_core::clock::Clock;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_policy::{Cells, Opened, Plugin, PolicyLoader, PolicySettings, ProbationSettings, SwapOutcome};

use crate::measured::alone;

const WORKERS: usize = 4;

/// What the process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Resident memory, KiB.
    resident: u64,
    descriptors: usize,
    mappings: usize,
}

impl Held {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("a status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let resident = line.split_whitespace().nth(1).and_then(|number| number.parse().ok());
        Self {
            resident: resident.expect("a number"),
            descriptors: fs::read_dir("/proc/self/fd").expect("descriptors").count(),
            mappings: fs::read_to_string("/proc/self/maps").expect("mappings").lines().count(),
        }
    }
}

fn pool() -> Arc<Pool> {
    let backends =
        (0..3).map(|number| Arc::new(Backend::new(format!("b{number}"), ([127, 0, 0, 1], 8000 + number))));
    Arc::new(Pool::new("test", 0, &UpstreamLimits::default(), backends.collect()))
}

/// A slot and its pickers, as if each one had a worker.
struct Scene {
    policies: Vec<Vec<u8>>,
    loader: PolicyLoader,
    opened: Opened,
    /// Contents so far.
    number: u32,
}

impl Scene {
    fn new(policies: Vec<Vec<u8>>) -> Self {
        let workers = NonZeroUsize::new(WORKERS).expect("workers");
        let loader = PolicyLoader::start(Clock::start(), workers, 1).expect("the engine starts");
        let plugin = Plugin::bundled("round-robin").expect("it is bundled");
        // What a version on probation may have to give its place back to is kept.
        let probation = ProbationSettings { picks: 0, time: Duration::from_millis(1), faults: 5 };
        let settings = PolicySettings { probation, ..PolicySettings::default() };
        let opened = loader
            .open(pool(), settings, Arc::new(Cells::default()), plugin)
            .expect("bundled policies are fit");
        Self { policies, loader, opened, number: 0 }
    }

    /// Swaps through all policies `rounds` times, each time as a content that was never seen before and so is compiled
    /// anew; all workers adopt it. Answers what the process holds when the old versions are gone.
    fn swap(&mut self, rounds: u32) -> Held {
        for number in 0..rounds as usize * self.policies.len() {
            self.number += 1;
            let content = revised(&self.policies[number % self.policies.len()], self.number);
            let before = Arc::downgrade(&self.opened.slot.active().version);
            let (reply, outcome) = mpsc::channel();
            let plugin = Plugin { origin: "test".into(), content: content.into() };
            self.loader.swap(&self.opened.slot, plugin, move |outcome| drop(reply.send(outcome)));
            let outcome = outcome.recv().expect("every swap has an outcome");
            assert!(matches!(outcome, SwapOutcome::Swapped(_)), "{outcome:?}");
            for picker in &mut self.opened.pickers {
                picker.tick();
            }
            wait_until("the old version is dropped", || before.strong_count() == 0);
        }
        Held::now()
    }
}

/// Ten times `rounds` rounds of swaps. Resident memory after the last half is at most `growth` of what it was after the
/// first half.
fn check(policies: Vec<Vec<u8>>, rounds: u32, growth: f64) {
    let _alone = alone();
    let mut scene = Scene::new(policies);
    let began = Instant::now();
    println!("before: {:?}", Held::now());
    let mut tenth = || {
        let held = scene.swap(rounds);
        println!("{} swaps in {:?}: {held:?}", scene.number, began.elapsed());
        held
    };
    let steps: Vec<Held> = (0..10).map(|_| tenth()).collect();
    let [half, end] = [steps[4], steps[9]];
    assert!(end.resident as f64 <= half.resident as f64 * growth, "{half:?} to {end:?}");
    assert_eq!(end.descriptors, half.descriptors);
    // A few that the allocator splits.
    assert!(end.mappings <= half.mappings + 20, "{half:?} to {end:?}");
    assert_eq!(scene.opened.slot.active().publication.get(), u64::from(scene.number) + 1);
    assert_eq!(scene.opened.slot.stats().all_faults(), 0);
}

fn small() -> Vec<Vec<u8>> {
    (0..4).map(|index| constant(index % 3, index)).collect()
}

#[test]
fn four_hundred_swaps_leave_nothing_behind() {
    check(small(), 10, 1.2);
}

#[test]
#[ignore = "takes minutes: 10,000 swaps"]
fn ten_thousand_swaps_leave_nothing_behind() {
    check(small(), 250, 1.05);
}

#[test]
#[ignore = "takes minutes: 2,000 swaps through policies that take longer to compile"]
fn two_thousand_swaps_through_the_bundled_policies_leave_nothing_behind() {
    let alike = pointsman_policy::names().filter(|name| pointsman_policy::required_config(name).is_none());
    let bundled: Vec<_> = alike.filter_map(pointsman_policy::bundled).map(Vec::from).collect();
    let rounds = 200 / u32::try_from(bundled.len()).expect("a few");
    check(bundled, rounds, 1.05);
}
