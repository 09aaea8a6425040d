//! What is decided, as tables: at a time something happens, and this is to be done.

use super::*;

const SLOT: ContextId = ContextId(1);

/// Ends after 100 picks and 60 s; three faults are too many.
const SETTINGS: ProbationSettings =
    ProbationSettings { picks: 100, time: Duration::from_secs(60), faults: 3 };

/// A version's name stands for it.
type Version = &'static str;

fn id(version: Version) -> VersionId {
    VersionId::of(version.as_bytes())
}

fn nth(number: u64) -> Publication {
    (1..number).fold(Publication::FIRST, |publication, _| publication.next())
}

fn published(number: u64, version: Version, reading: Reading, cause: Cause<Version>) -> Event<Version> {
    let (slot, publication) = (SLOT, nth(number));
    Event::Published(Published { slot, publication, id: id(version), reading, settings: SETTINGS, cause })
}

fn opened(version: Version) -> Event<Version> {
    published(1, version, Reading::default(), Cause::Opened)
}

/// Publication `number` replaces `old`, which has these counters.
fn swapped(number: u64, new: Version, old: Version, (picks, faults): (u64, u64)) -> Event<Version> {
    let cause = Cause::Swapped { id: id(old), version: old, reading: Reading { picks, faults } };
    published(number, new, Reading { picks, faults: 0 }, cause)
}

fn failed(number: u64, worker: usize) -> Event<Version> {
    Event::InstanceFailed { slot: SLOT, worker, publication: nth(number) }
}

fn exhausted(number: u64) -> Event<Version> {
    Event::AllowanceExhausted { slot: SLOT, publication: nth(number), last_fault: "trap".into() }
}

fn read(picks: u64, faults: u64) -> Event<Version> {
    Event::ProbationRead { slot: SLOT, reading: Reading { picks, faults } }
}

fn begin(number: u64) -> Action<Version> {
    Action::BeginAllowance { slot: SLOT, publication: nth(number), faults: SETTINGS.faults }
}

fn rebuild(number: u64, worker: usize) -> Action<Version> {
    Action::Rebuild { slot: SLOT, worker, publication: nth(number) }
}

fn way(version: Version, unproven: Option<u64>) -> PreviousVersion<Version> {
    PreviousVersion { id: id(version), version, unproven }
}

fn roll_back(to: PreviousVersion<Version>, ways_back: &[PreviousVersion<Version>]) -> Action<Version> {
    Action::RollBack { slot: SLOT, to, ways_back: ways_back.to_vec(), last_fault: "trap".into() }
}

/// Events at these milliseconds, and what is to be done after each; at the end nothing is due, or it is then.
fn check(what: &str, table: Vec<(u64, Event<Version>, Vec<Action<Version>>)>, due_ms: Option<u64>) {
    let mut decisions = Decisions::default();
    for (line, (ms, event, expected)) in table.into_iter().enumerate() {
        let shown = format!("{what}, line {line}: {event:?}");
        assert_eq!(decisions.step(Moment(ms * 1_000), event), expected, "{shown}");
    }
    assert_eq!(decisions.next_due(), due_ms.map(|ms| Moment(ms * 1_000)), "{what}");
}

#[test]
fn a_failed_instance_is_rebuilt_after_a_while_that_grows() {
    let table = vec![
        (0, opened("a"), vec![]),
        (5, failed(1, 0), vec![]),
        (14, Event::TimePassed, vec![]),
        (15, Event::TimePassed, vec![rebuild(1, 0)]),
        (15, Event::InstanceBuilt { slot: SLOT, worker: 0 }, vec![]),
        (20, failed(1, 0), vec![]),
        (39, Event::TimePassed, vec![]),
        (40, Event::TimePassed, vec![rebuild(1, 0)]),
        (50, failed(1, 1), vec![]),
        (60, Event::TimePassed, vec![rebuild(1, 1)]),
    ];
    check("each worker by itself", table, Some(60_000));
    let table = vec![
        (0, opened("a"), vec![]),
        (5, failed(1, 0), vec![]),
        (6, swapped(2, "b", "a", (0, 1)), vec![begin(2)]),
        (7, failed(1, 0), vec![]),
        (100, Event::TimePassed, vec![]),
    ];
    check("the next publication has brought an instance", table, Some(60_006));
}

#[test]
fn five_failures_open_a_circuit_and_a_probe_closes_it() {
    let wait = Duration::from_secs(1);
    let open = vec![Action::CircuitOpened { slot: SLOT, worker: 0, wait }];
    let fails = |ms: u64| (ms, failed(1, 0), vec![]);
    let opens = || {
        vec![
            (0, opened("a"), vec![]),
            fails(1),
            fails(1),
            fails(1),
            fails(1),
            (1, failed(1, 0), vec![Action::CircuitOpened { slot: SLOT, worker: 0, wait }]),
            (1_001, Event::TimePassed, [(); 5].map(|()| rebuild(1, 0)).into()),
            (1_001, Event::InstanceBuilt { slot: SLOT, worker: 0 }, vec![]),
        ]
    };
    assert_eq!(opens()[5].2, open);
    let mut table = opens();
    table.push((11_001, Event::TimePassed, vec![Action::CircuitClosed { slot: SLOT, worker: 0 }]));
    check("proven after ten seconds", table, Some(60_000));
    let mut table = opens();
    table.push((2_000, Event::Replacing { slot: SLOT }, vec![Action::CircuitForgotten { slot: SLOT }]));
    table.push((2_000, swapped(2, "b", "a", (0, 5)), vec![begin(2)]));
    check("not held against the next version", table, Some(62_000));
}

#[test]
fn a_version_is_proven_by_time_and_picks_together() {
    let reads = || vec![Action::ReadProbation { slot: SLOT }];
    let table = vec![
        (0, opened("a"), vec![]),
        (59_999, Event::TimePassed, vec![]),
        (60_000, Event::TimePassed, reads()),
        (60_000, read(99, 0), vec![]),
        (61_000, Event::TimePassed, reads()),
        (61_000, read(100, 2), vec![Action::Proven { slot: SLOT }]),
        (90_000, Event::TimePassed, vec![]),
    ];
    check("proven with a fault less than too many", table, None);
    let table = vec![
        (0, opened("a"), vec![]),
        (60_000, Event::TimePassed, reads()),
        (60_000, read(100, 3), vec![]),
        (90_000, Event::TimePassed, vec![]),
    ];
    check("a first version that fails has nothing to go back to", table, None);
}

#[test]
fn too_many_faults_bring_back_the_newest_version_without_any() {
    let table = vec![
        (0, opened("a"), vec![]),
        (1, swapped(2, "b", "a", (0, 0)), vec![begin(2)]),
        (2, exhausted(1), vec![]),
        (3, exhausted(2), vec![roll_back(way("a", None), &[])]),
        (4, exhausted(2), vec![]),
    ];
    check("the first version is a way back, and only once", table, Some(60_001));
    let table = vec![
        (0, opened("a"), vec![]),
        (1, swapped(2, "b", "a", (0, 0)), vec![begin(2)]),
        (2, swapped(3, "c", "b", (50, 0)), vec![begin(3)]),
        (3, exhausted(3), vec![roll_back(way("b", Some(50)), &[way("a", None)])]),
        (
            4,
            published(
                4,
                "b",
                Reading { picks: 60, faults: 0 },
                Cause::RolledBack { ways_back: vec![way("a", None)] },
            ),
            vec![begin(4)],
        ),
        (5, exhausted(4), vec![roll_back(way("a", None), &[])]),
    ];
    check("one that has picked without a fault comes first", table, Some(60_004));
    for (why, counters) in [("without picks", (0, 0)), ("with a fault", (50, 1))] {
        let table = vec![
            (0, opened("a"), vec![]),
            (1, swapped(2, "b", "a", (0, 0)), vec![begin(2)]),
            (2, swapped(3, "c", "b", counters), vec![begin(3)]),
            (3, exhausted(3), vec![roll_back(way("a", None), &[])]),
        ];
        check(why, table, Some(60_002));
    }
    let table = vec![
        (0, opened("a"), vec![]),
        (1, swapped(2, "b", "a", (0, 0)), vec![begin(2)]),
        (2, swapped(3, "a", "b", (0, 0)), vec![]),
        (3, exhausted(3), vec![]),
    ];
    check("a version is no way back from itself", table, Some(60_002));
}

#[test]
fn a_slot_that_is_closed_is_forgotten() {
    let table = vec![
        (0, opened("a"), vec![]),
        (1, failed(1, 0), vec![]),
        (2, Event::SlotClosed { slot: SLOT }, vec![]),
        (3, failed(1, 0), vec![]),
        (99_999, Event::TimePassed, vec![]),
    ];
    check("closed", table, None);
}
