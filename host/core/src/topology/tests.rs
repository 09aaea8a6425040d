//! Which backends serve.

use super::*;

/// Members written as letters: `s` serves, `u` is down, `e` ejected, `?` unknown, `d` draining; `b` is a backup, `v` one that is
/// down, `x` one that is draining.
fn members(kinds: &str) -> Vec<Member> {
    let member = |kind: char| {
        let member = Member::healthy(Arc::new(Backend {
            backup: matches!(kind, 'b' | 'v' | 'x'),
            draining: matches!(kind, 'd' | 'x'),
            ..Backend::new(kind.to_string(), ([127, 0, 0, 1], 1))
        }));
        let health = match kind {
            'u' | 'v' => Health::Down,
            'e' => Health::Ejected { passes_checks: true },
            '?' => Health::Unknown,
            _ => Health::Up,
        };
        Member { health, ..member }
    };
    kinds.chars().map(member).collect()
}

/// These serve, and the pool panics or not.
fn check(kinds: &str, panic_threshold: u32, serving: &[usize], panics: bool) {
    let topology = Topology::of(TopologyGeneration(1), &members(kinds), panic_threshold);
    let places: Vec<usize> =
        (0..kinds.len()).filter(|&i| topology.is_eligible(BackendIndex(i as u32))).collect();
    assert_eq!(places, serving, "{kinds} at {panic_threshold} %");
    assert_eq!(topology.eligible(), places.len());
    assert_eq!(topology.panics(), panics, "{kinds} at {panic_threshold} %");
}

#[test]
fn backups_serve_only_when_nothing_else_does() {
    for threshold in [0, 1] {
        check("ssb", threshold, &[0, 1], false);
        check("dsb", threshold, &[1], false);
        check("ddb", threshold, &[2], false);
        check("ddx", threshold, &[], false);
        check("bb", threshold, &[0, 1], false);
        check("usb", threshold, &[1], false);
        check("udb", threshold, &[2], false);
        check("?b", threshold, &[1], false);
        check("", threshold, &[], false);
    }
}

#[test]
fn a_request_that_has_tried_all_others_is_offered_a_fit_backup() {
    for (kinds, tried, offers, offers_backup) in [
        ("ssb", &[][..], true, false),
        ("ssb", &[0], true, true),
        ("ssb", &[0, 1], false, true),
        ("ssb", &[0, 1, 2], false, false),
        ("sv", &[0], false, false),
        ("sx", &[0], false, false),
        ("us", &[1], false, false),
        ("ubb", &[1], true, true),
    ] {
        let topology = Topology::of(TopologyGeneration(1), &members(kinds), 0);
        let mut set = Tried::default();
        set.rebase(TopologyGeneration(1));
        tried.iter().for_each(|&place| set.insert(BackendIndex(place)));
        assert_eq!(
            (topology.offers(&set), topology.offers_backup(&set)),
            (offers, offers_backup),
            "{kinds} {tried:?}"
        );
    }
}

#[test]
fn an_ejection_says_nothing_of_the_checks() {
    let all = |passes: fn(Health) -> bool| {
        let ejected = [true, false].map(|passes_checks| Health::Ejected { passes_checks });
        let [passing, failing] = ejected;
        [Health::Up, Health::Down, Health::Unknown, passing, failing].map(passes)
    };
    assert_eq!(all(Health::passes_checks), [true, false, false, true, false]);
    assert_eq!(all(Health::is_ejected), [false, false, false, true, true]);
    assert_eq!(all(Health::is_bad), [false, true, false, true, true]);
}

#[test]
fn too_few_healthy_backends_make_all_serve() {
    // Less than the threshold, not just at it.
    check("suuu", 25, &[0], false);
    check("suuu", 26, &[0, 1, 2, 3], true);
    check("seue", 26, &[0, 1, 2, 3], true);
    check("suuu", 100, &[0, 1, 2, 3], true);
    check("ssss", 100, &[0, 1, 2, 3], false);
    check("uu", 0, &[], false);
    check("uu", 1, &[0, 1], true);
    // What is draining neither counts nor serves.
    check("sudd", 50, &[0], false);
    check("sudd", 51, &[0, 1], true);
    // Backups come before panic, and backups that serve can panic themselves.
    check("uub", 50, &[2], false);
    check("uubv", 50, &[2], false);
    check("uubvv", 50, &[2, 3, 4], true);
    // If no backend is fit, the regular ones serve, unless there are none.
    check("uv", 50, &[0], true);
    check("dv", 50, &[1], true);
    // A backup that waits doesn't count.
    check("suvvv", 50, &[0], false);
    // A backend that wasn't checked yet doesn't count at all.
    check("s?????", 50, &[0], false);
    check("u?", 50, &[0], true);
    check("??", 100, &[], false);
}

#[test]
fn agrees_only_with_the_same_state_of_the_same_backends() {
    let mut changed = members("sub");
    let topology = Topology::of(TopologyGeneration(1), &changed, 0);
    assert!(topology.agrees_with(&Topology::of(TopologyGeneration(2), &changed, 0)));
    assert!(!topology.agrees_with(&Topology::of(TopologyGeneration(2), &members("sub"), 0)));
    assert!(!topology.agrees_with(&Topology::of(TopologyGeneration(2), &changed[..2], 0)));
    changed[0].weight = 100;
    assert!(!topology.agrees_with(&Topology::of(TopologyGeneration(2), &changed, 0)));
    changed[0].weight = 1000;
    changed[1].health = Health::Up;
    assert!(!topology.agrees_with(&Topology::of(TopologyGeneration(2), &changed, 0)));
}
