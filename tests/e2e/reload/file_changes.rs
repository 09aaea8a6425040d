//! Whatever way the file changes, its last content is what serves.

use std::fs;
use std::time::Duration;

use harness::{Backend, Proxy, constant, sleep, wait_until};

use super::{config, pool};
use crate::swap::Change;

#[test]
fn every_way_in_which_files_change_is_seen() {
    for change in Change::ALL {
        let (one, two) = (Backend::named("one"), Backend::named("two"));
        let [first, second] = [&one, &two].map(|backend| config(&pool("p", &[backend], "")));
        let proxy = Proxy::start(&first);
        let file = proxy.path("pointsman.toml");
        assert_eq!(proxy.client().get("/").text(), "one");
        for (revision, (text, serves)) in [(&second, "two"), (&first, "one")].into_iter().enumerate() {
            change.make(&file, text.as_bytes(), revision as u32);
            proxy.log.wait_for_many("configuration-reloaded", revision + 1);
            assert_eq!(proxy.client().get("/").text(), serves, "{change:?}");
        }
        assert_eq!(proxy.log.errors(), [], "{change:?}");
    }
}

#[test]
fn a_burst_of_changes_ends_with_the_last_one() {
    let backends: Vec<Backend> = (0..20).map(|number| Backend::named(&number.to_string())).collect();
    let proxy = Proxy::start(&config(&pool("p", &[&backends[0]], "")));
    for backend in &backends {
        proxy.rewrite(&config(&pool("p", &[backend], "")));
    }
    wait_until("the last content serves", || proxy.client().get("/").text() == "19");
    assert!(proxy.log.events("configuration-reloaded").len() < backends.len());
    assert_eq!(proxy.log.errors(), []);
}

#[test]
fn a_comment_changes_nothing_and_a_lost_file_does_no_harm() {
    let backend = Backend::named("backend");
    let text = config(&pool("p", &[&backend], ""));
    let proxy = Proxy::start(&text);
    let file = proxy.path("pointsman.toml");
    fs::remove_file(&file).expect("it is there");
    let refused = proxy.log.wait_for("configuration-refused");
    assert!(refused.message().contains("there is no such file"), "what is wrong: {refused}");
    assert_eq!(proxy.client().get("/").text(), "backend");
    let changes = proxy.reload(&format!("# as before\n{text}"));
    assert!(changes.contains("nothing that is served"), "{changes}");
    assert_eq!(proxy.client().get("/").text(), "backend");
}

#[test]
fn nothing_is_followed_where_that_is_not_wanted() {
    let backends = [Backend::named("one"), Backend::named("two")];
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("p.wasm"), constant(0, 0)).expect("a plugin");
    let text = |more: &str| {
        let policy = format!("policy = {{ file = \"p.wasm\" }}\n{more}");
        format!("watch = false\n{}", config(&pool("p", &backends.each_ref(), &policy)))
    };
    let proxy = Proxy::start_in(folder, &text(""));
    fs::write(proxy.path("p.wasm"), constant(1, 0)).expect("a plugin");
    proxy.rewrite(&text("response_timeout = \"7s\"\n"));
    // Files that are followed are looked at every five seconds, whatever the system says.
    sleep(Duration::from_secs(6));
    let happened = |event| proxy.log.events(event).len();
    assert_eq!((happened("configuration-reloaded"), happened("policy-swapped")), (0, 0));
    assert_eq!(proxy.client().get("/").text(), "one");
    proxy.signal("HUP");
    proxy.log.wait_for("configuration-reloaded");
    proxy.log.wait_for("policy-swapped");
    assert_eq!(proxy.client().get("/").text(), "two");
    // Half a file is looked at until it is whole.
    let whole = constant(0, 1);
    fs::write(proxy.path("p.wasm"), &whole[..whole.len() / 2]).expect("a plugin");
    proxy.signal("HUP");
    fs::write(proxy.path("p.wasm"), &whole).expect("a plugin");
    proxy.signal("HUP");
    proxy.log.wait_for_many("policy-swapped", 2);
    assert_eq!(proxy.client().get("/").text(), "one");
}
