//! Versions that turn bad after they were let in.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use super::*;
use pointsman_core::record::ChosenBy;

use crate::picker::Picker;

/// A guest that picks backend 0, and traps from its `sound`-th pick on.
fn turns_bad(sound: u32) -> Vec<u8> {
    guest_with(
        "pick",
        &format!(
            "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
             (if (i32.ge_u (i32.load (i32.const 0)) (i32.const {sound})) (then unreachable))
             (if (i32.or (call $tried (i32.const 0))
                     (i32.eqz (i32.and (call $flags (i32.const 0)) (i32.const 1))))
                 (then (return (i64.const 0x1_0000_0000))))
             (i64.const 0)"
        ),
    )
}

/// More picks than admission tries.
const SOUND: u32 = 1000;

struct Scene {
    loader: PolicyLoader,
    slot: Arc<PolicySlot>,
    picker: Picker,
    events: Receiver<VersionEvent>,
}

impl Scene {
    fn new(probation: ProbationSettings) -> Self {
        let (sender, events) = mpsc::channel();
        let remember = move |_: &PolicySlot, event| drop(sender.send(event));
        let loader = PolicyLoader::start_with(Clock::start(), NonZeroUsize::MIN, 1, remember).unwrap();
        let settings = PolicySettings { probation, ..Default::default() };
        let pool = pool("api", &["a", "b", "c"]);
        let mut opened = loader.open(pool, settings, Arc::default(), plugin(picks(1))).unwrap();
        let picker = opened.pickers.remove(0);
        Self { loader, slot: opened.slot, picker, events }
    }

    fn swap(&self, content: Vec<u8>) -> SwapOutcome {
        swap(&self.loader, &self.slot, content)
    }

    /// Picks until this is what serves; every pick finds a backend.
    fn pick_until_serving(&mut self, content: &[u8]) {
        let id = VersionId::of(content);
        wait_for("the version", || {
            assert!(matches!(self.picker.pick(&mut request()), Pick::Backend(_)));
            self.picker.version().is_some_and(|version| version.id == id)
        });
    }
}

#[test]
fn a_version_that_turns_bad_is_taken_back_and_kept_out_until_the_content_changes() {
    let mut scene = Scene::new(ProbationSettings::default());
    let (good, bad) = (picks(1), turns_bad(SOUND));
    assert!(matches!(scene.swap(bad.clone()), SwapOutcome::Swapped(_)));
    for _ in 1..SOUND {
        let Pick::Backend(picked) = scene.picker.pick(&mut request()) else { panic!("no backend") };
        assert_eq!((picked.index.0, picked.chosen_by), (0, ChosenBy::Policy));
    }
    // Each instance is sound for a while, so its faults come one by one.
    let began = Instant::now();
    scene.pick_until_serving(&good);
    println!("taken back after {:?}", began.elapsed());
    assert_eq!(scene.slot.stats().rollbacks(), 1);
    let faults: Vec<_> =
        scene.slot.stats().versions().iter().map(|(id, tally)| (*id, tally.all_faults())).collect();
    assert_eq!(faults, [(VersionId::of(&bad), 5), (VersionId::of(&good), 0)]);
    let quarantine = scene.slot.quarantine().expect("it is kept out");
    assert_eq!(quarantine.version, VersionId::of(&bad));
    assert!(quarantine.reason.as_str().contains("trap in `pick`"), "{}", quarantine.reason);
    let event = scene.events.recv().unwrap();
    assert_eq!(event.outcome, ProbationOutcome::Quarantined(quarantine));

    let SwapOutcome::Refused(refusal) = scene.swap(bad.clone()) else { panic!("it is let in") };
    assert_eq!(refusal.label(), "quarantine");
    assert!(refusal.to_string().contains("trap in `pick`"), "{refusal}");
    assert!(matches!(scene.swap(picks(2)), SwapOutcome::Swapped(_)), "another content ends the quarantine");
    assert!(matches!(scene.swap(bad), SwapOutcome::Swapped(_)));
}

#[test]
fn a_version_that_never_picked_is_nothing_to_go_back_to() {
    let mut scene = Scene::new(ProbationSettings::default());
    let (good, bad) = (picks(1), turns_bad(SOUND));
    assert!(matches!(scene.swap(picks(2)), SwapOutcome::Swapped(_)));
    assert!(matches!(scene.swap(bad), SwapOutcome::Swapped(_)));
    scene.pick_until_serving(&good);
}

#[test]
fn what_comes_back_is_the_newest_version_without_faults_and_behind_it_the_one_that_was_proven() {
    let mut scene = Scene::new(ProbationSettings::default());
    let (proven, newer, bad) = (picks(1), turns_bad(3 * SOUND), turns_bad(SOUND));
    assert!(matches!(scene.swap(newer.clone()), SwapOutcome::Swapped(_)));
    for _ in 0..SOUND {
        scene.picker.pick(&mut request());
    }
    scene.picker.tick();
    assert!(matches!(scene.swap(bad.clone()), SwapOutcome::Swapped(_)));
    scene.pick_until_serving(&bad);
    scene.pick_until_serving(&newer);
    assert_eq!(scene.slot.stats().rollbacks(), 1);
    // It is on probation still.
    scene.pick_until_serving(&proven);
    assert_eq!(scene.slot.stats().rollbacks(), 2);
    // The file holds what was kept out first.
    assert_eq!(scene.slot.quarantine().map(|quarantine| quarantine.version), Some(VersionId::of(&bad)));
    assert!(matches!(scene.swap(bad), SwapOutcome::Refused(_)));
}

#[test]
fn a_version_that_has_had_a_fault_is_nothing_to_go_back_to() {
    let mut scene = Scene::new(ProbationSettings::default());
    let faulty = turns_bad(SOUND);
    assert!(matches!(scene.swap(faulty), SwapOutcome::Swapped(_)));
    wait_for("a fault", || {
        scene.picker.pick(&mut request());
        scene.slot.stats().all_faults() == 1
    });
    scene.picker.tick();
    assert!(matches!(scene.swap(turns_bad(SOUND + 1)), SwapOutcome::Swapped(_)));
    scene.pick_until_serving(&picks(1));
}

#[test]
fn a_version_that_has_come_through_stays() {
    let probation = ProbationSettings { picks: 100, time: Duration::from_millis(50), faults: 2 };
    let mut scene = Scene::new(probation);
    let bad = turns_bad(SOUND);
    assert!(matches!(scene.swap(bad.clone()), SwapOutcome::Swapped(_)));
    for _ in 0..100 {
        scene.picker.pick(&mut request());
    }
    scene.picker.tick();
    let event = scene.events.recv().unwrap();
    assert_eq!((event.version.id, event.outcome), (VersionId::of(&bad), ProbationOutcome::Proven));
    wait_for("faults", || {
        scene.picker.pick(&mut request());
        scene.slot.stats().all_faults() >= 4
    });
    assert_eq!(scene.slot.active().version.id, VersionId::of(&bad));
    assert_eq!(scene.slot.stats().rollbacks(), 0);
}

#[test]
fn time_alone_proves_nothing() {
    let probation = ProbationSettings { picks: 100, time: Duration::from_millis(1), faults: 1 };
    let mut scene = Scene::new(probation);
    let (good, bad) = (picks(1), turns_bad(SOUND));
    assert!(matches!(scene.swap(bad.clone()), SwapOutcome::Swapped(_)));
    // The loader checks the probations after every swap.
    assert!(matches!(scene.swap(bad), SwapOutcome::Unchanged(_)));
    assert!(scene.events.try_recv().is_err());
    scene.pick_until_serving(&good);
}

#[test]
fn no_faults_allowed_means_no_rollback() {
    let mut scene = Scene::new(ProbationSettings { faults: 0, ..Default::default() });
    let bad = turns_bad(SOUND);
    assert!(matches!(scene.swap(bad.clone()), SwapOutcome::Swapped(_)));
    wait_for("more faults than usual", || {
        assert!(matches!(scene.picker.pick(&mut request()), Pick::Backend(_)));
        scene.slot.stats().all_faults() >= 6
    });
    assert_eq!(scene.slot.active().version.id, VersionId::of(&bad));
}
