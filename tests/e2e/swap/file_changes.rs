//! Whatever way a file changes, its final content is swapped in, once.

use std::fs;
use std::thread;

use harness::{Backend, Proxy, constant, version};

use super::{Change, Scene};

/// A scene whose file comes into being in this way.
fn scene(change: Change, content: &[u8]) -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    change.make(&directory.path().join("p.wasm"), content, 0);
    Scene::start(directory, "", "{ file = \"p.wasm\" }", "p.wasm")
}

/// The same by name, in a policy directory.
fn scene_by_name(change: Change, content: &[u8]) -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    let policies = directory.path().join("policies");
    fs::create_dir(&policies).expect("a policy directory");
    change.make(&policies.join("mine.wasm"), content, 0);
    Scene::start(directory, "policy_dir = \"policies\"", "\"mine\"", "policies/mine.wasm")
}

fn check(change: Change, scene: fn(Change, &[u8]) -> Scene) {
    let contents = [constant(0, 0), constant(1, 1), constant(2, 2), constant(0, 3)];
    let mut scene = scene(change, &contents[0]);
    assert_eq!(scene.serves(), "0");
    for (revision, backend) in [(1, "1"), (2, "2"), (3, "0")] {
        change.make(&scene.file, &contents[revision as usize], revision);
        scene.wait_for_swap(&contents[revision as usize], backend);
    }
    scene.wait_for_a_look();
    scene.assert_history(&contents.each_ref().map(Vec::as_slice));
}

#[test]
fn every_way_to_change_a_file_leads_to_one_swap() {
    thread::scope(|cases| {
        for change in Change::ALL {
            cases.spawn(move || check(change, scene));
        }
    });
}

#[test]
fn every_way_to_change_a_file_in_the_policy_directory_leads_to_one_swap() {
    thread::scope(|cases| {
        for change in Change::ALL {
            cases.spawn(move || check(change, scene_by_name));
        }
    });
}

#[test]
fn a_swap_is_logged_with_pool_versions_and_times() {
    let contents = [constant(0, 0), constant(1, 1)];
    let scene = Scene::new(&contents[0]);
    Change::RenameOver.make(&scene.file, &contents[1], 1);
    let line = scene.proxy.log.wait_for("policy-swapped");
    let [from, to] = contents.each_ref().map(|content| version(content));
    let fields = [("pool", "test"), ("from", &from), ("to", &to), ("origin", "p.wasm")];
    assert!(line.level() == "INFO" && line.has(&fields), "{line}");
    for time in ["compile", "total"] {
        let time = line.field(time).expect("a time");
        let number = time.trim_end_matches(|letter: char| letter.is_alphabetic());
        assert!(number.parse::<f64>().is_ok() && number.len() < time.len(), "{line}");
    }
}

#[test]
fn a_file_that_appears_in_the_policy_directory_wins_over_the_bundled_policy() {
    for change in Change::ALL {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("policies")).expect("a policy directory");
        let (top, file) = ("policy_dir = \"policies\"", "policies/round-robin.wasm");
        let mut scene = Scene::start(directory, top, "\"round-robin\"", file);
        let mut client = scene.proxy.client();
        let mut seen: Vec<String> = (0..3).map(|_| client.get("/").text()).collect();
        seen.sort();
        assert_eq!(seen, ["0", "1", "2"], "bundled round-robin");

        let mine = constant(2, 0);
        change.make(&scene.file, &mine, 0);
        scene.wait_for_swap(&mine, "2");
        assert_eq!(scene.swaps().len(), 1, "{change:?}");

        // Taking it away again isn't a change of policy.
        fs::remove_file(&scene.file).expect("a file");
        scene.wait_for_a_look();
        assert_eq!(scene.serves(), "2");
        assert_eq!(scene.swaps().len(), 1, "{change:?}");
    }
}

#[test]
fn all_pools_that_use_a_file_are_swapped() {
    let backends = ["0", "1", "2"].map(Backend::named);
    let list: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address())).collect();
    let mut config = "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n".to_owned();
    for pool in ["x", "y", "z"] {
        config += &format!(
            "[[route]]\npath = \"/{pool}/\"\npool = \"{pool}\"\n\
             [pool.{pool}]\npolicy = {{ file = \"p.wasm\" }}\nbackends = [{}]\n",
            list.join(", ")
        );
    }
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("p.wasm"), constant(0, 0)).expect("a plugin");
    let proxy = Proxy::start_in(directory, &config);
    Change::RenameOver.make(&proxy.path("p.wasm"), &constant(1, 0), 0);
    for pool in ["x", "y", "z"] {
        proxy.log.wait_where("policy-swapped", |line| line.field("pool") == Some(pool));
        assert_eq!(proxy.client().get(&format!("/{pool}/")).text(), "1");
    }
    // A refusal is told for each of them, too.
    Change::RenameOver.make(&proxy.path("p.wasm"), b"this is not a plugin", 0);
    for pool in ["x", "y", "z"] {
        proxy.log.wait_where("policy-swap-refused", |line| line.field("pool") == Some(pool));
        assert_eq!(proxy.client().get(&format!("/{pool}/")).text(), "1");
    }
}
