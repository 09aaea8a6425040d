//! Whatever way the file changes, its last content is what serves.

use harness::{Backend, Proxy, wait_until};

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
    std::fs::remove_file(&file).expect("it is there");
    let refused = proxy.log.wait_for("configuration-refused");
    assert!(refused.message().contains("there is no such file"), "what is wrong: {refused}");
    assert_eq!(proxy.client().get("/").text(), "backend");
    let changes = proxy.reload(&format!("# as before\n{text}"));
    assert!(changes.contains("nothing that is served"), "{changes}");
    assert_eq!(proxy.client().get("/").text(), "backend");
}
