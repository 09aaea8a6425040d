//! Versions that are kept, and what is done with what is broken.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use harness::wait_until;
use pointsman_core::clock::Clock;
use pointsman_core::pool::UpstreamLimits;
use pointsman_policy::PolicyLoader;
use pointsman_policy::ProbationSettings;

use super::*;

const FILE: &str = "/etc/pointsman/mine.wasm";

/// A plugin file that serves at once: a bundled policy with a section that means nothing.
fn plugin(revision: u32) -> Plugin {
    let bundled = pointsman_policy::bundled("round-robin").expect("it is bundled");
    Plugin::file(Path::new(FILE), harness::revised(bundled, revision))
}

fn settings() -> PolicySettings {
    let probation = ProbationSettings { picks: 0, time: Duration::from_millis(1), faults: 5 };
    PolicySettings { probation, ..Default::default() }
}

fn pool() -> Arc<Pool> {
    Arc::new(Pool::new("api", 0, &UpstreamLimits::default(), Vec::new()))
}

#[test]
fn a_proven_version_is_there_after_a_restart_and_copies_do_not_pile_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("made/for/it");
    let archive = Archive::open(&state).expect("it is made");
    let used_at = UsedAt::of(&pool(), &settings(), FILE);
    assert!(archive.last_good(&used_at).is_none());
    let lock = StateLock::take(&state, None).expect("it is free");
    let queue = archive.keep(lock.clone()).expect("a thread");
    let keep = move |slot: &PolicySlot, event| queue.note(slot, event);
    let loader = PolicyLoader::start_with(Clock::start(), NonZeroUsize::MIN, 1, keep).expect("a loader");
    let opened = loader.open(pool(), settings(), Arc::default(), plugin(1)).expect("it is fit");
    let good = || Archive::open(&state).expect("it is there").last_good(&used_at);
    let is_good = |revision| good().is_some_and(|good| good.content == plugin(revision).content);
    wait_until("the first version is kept", || is_good(1));
    loader.swap(&opened.slot, plugin(2), |_| {});
    wait_until("the second version is kept", || is_good(2));
    let copies = || fs::read_dir(&state).expect("a folder").count();
    wait_until("the first one's copy is gone", || copies() == 3);
    // Another proxy may have the directory now.
    lock.release();
    loader.swap(&opened.slot, plugin(3), |_| {});
    let id = VersionId::of(&plugin(3).content);
    wait_until("the third version serves", || opened.slot.active().version.id == id);
    assert!(is_good(2));

    let route = PolicySettings { route: Some("/v1/".into()), ..settings() };
    let elsewhere = UsedAt::of(&pool(), &route, FILE);
    assert!(Archive::open(&state).expect("it is there").last_good(&elsewhere).is_none());
}

#[test]
fn what_is_no_file_or_has_no_end_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let used_at = UsedAt::of(&pool(), &settings(), FILE);
    let open = || Archive::open(folder.path()).expect("it is there");
    let link = |name: &str| std::os::unix::fs::symlink("/dev/zero", place(name)).expect("a link");
    let fifo = |name: &str| {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, place(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    };
    let remove = |name: &str| fs::remove_file(place(name)).expect("it was there");
    link(INDEX);
    assert!(open().last_good(&used_at).is_none(), "there is no index");
    remove(INDEX);
    fifo(INDEX);
    assert!(open().last_good(&used_at).is_none(), "there is none, and no wait for it");
    remove(INDEX);
    let copy = format!("{}.wasm", VersionId::of(b"good").to_hex());
    let index = format!(
        r#"{{"policies":[{{"pool":"api","route":null,"file":"{FILE}","good":"{}","quarantined":null}}]}}"#,
        VersionId::of(b"good").to_hex()
    );
    fs::write(place(INDEX), index).expect("an index");
    link(&copy);
    assert!(open().last_good(&used_at).is_none(), "it isn't what its name says");
    remove(&copy);
    fifo(&copy);
    assert!(open().last_good(&used_at).is_none(), "no wait for it");
    remove(&copy);
    fs::write(place(&copy), "good").expect("a copy");
    assert!(open().last_good(&used_at).is_some());
}

#[test]
fn a_version_that_is_let_in_again_is_let_in_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, id) = (UsedAt::of(&pool(), &settings(), FILE), VersionId::of(b"bad"));
    let entry = |pool: &str| {
        let hash = id.to_hex();
        format!(
            r#"{{"pool":"{pool}","route":null,"file":"{FILE}","good":null,"quarantined":{{"version":"{hash}","reason":"a trap"}}}}"#
        )
    };
    let index = format!(r#"{{"policies":[{},{}]}}"#, entry("api"), entry("web"));
    fs::write(folder.path().join(INDEX), index).expect("an index");
    let open = || Archive::open(folder.path()).expect("it is there");
    assert!(open().quarantine(&here).is_some());
    let lock = StateLock::take(folder.path(), None).expect("it is free");
    let queue = open().keep(lock).expect("a thread");
    queue.release(PolicyPlace { pool: "api".into(), route: None }, id);
    wait_until("it is let in", || open().quarantine(&here).is_none());
    let elsewhere = UsedAt { pool: "web".into(), ..here };
    assert!(open().quarantine(&elsewhere).is_some(), "only in its place");
}

#[test]
fn what_was_tampered_with_or_cannot_be_read_is_not_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let used_at = UsedAt::of(&pool(), &settings(), FILE);
    let id = VersionId::of(b"good").to_hex();
    let index = format!(
        r#"{{"policies":[{{"pool":"api","route":null,"file":"{FILE}","good":"{id}",
            "quarantined":{{"version":"{id}","reason":"a trap"}}}}]}}"#
    );
    fs::write(folder.path().join(INDEX), index).expect("an index");
    let open = || Archive::open(folder.path()).expect("it is there");
    assert!(open().last_good(&used_at).is_none(), "there is no copy");
    fs::write(folder.path().join(format!("{id}.wasm")), "good").expect("a copy");
    assert_eq!(open().last_good(&used_at).expect("a copy").content.as_ref(), b"good");
    let quarantine = Quarantine { version: VersionId::of(b"good"), reason: "a trap".into() };
    assert_eq!(open().quarantine(&used_at), Some(quarantine));
    fs::write(folder.path().join(format!("{id}.wasm")), "evil").expect("another copy");
    assert!(open().last_good(&used_at).is_none(), "it isn't what its name says");
    fs::write(folder.path().join(INDEX), "{").expect("half an index");
    assert!(open().quarantine(&used_at).is_none());
}
