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
            proxy.wait_for_logs("configuration reloaded", revision + 1);
            assert_eq!(proxy.client().get("/").text(), serves, "{change:?}");
        }
        assert_eq!(proxy.log_with("ERROR"), Vec::<String>::new(), "{change:?}");
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
    assert!(proxy.log_with("configuration reloaded").len() < backends.len());
    assert_eq!(proxy.log_with("ERROR"), Vec::<String>::new());
}

#[test]
fn a_comment_changes_nothing_and_a_lost_file_does_no_harm() {
    let backend = Backend::named("backend");
    let text = config(&pool("p", &[&backend], ""));
    let proxy = Proxy::start(&text);
    let file = proxy.path("pointsman.toml");
    std::fs::remove_file(&file).expect("it is there");
    assert!(proxy.wait_for_log("configuration refused").contains("there is no such file"));
    assert_eq!(proxy.client().get("/").text(), "backend");
    let line = proxy.reload(&format!("# as before\n{text}"));
    assert!(line.contains("nothing that is served"), "{line}");
    assert_eq!(proxy.client().get("/").text(), "backend");
}
