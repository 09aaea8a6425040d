//! logrotate itself, with a configuration as in `host/docs/access-log.md`. Skipped where it isn't installed.

use std::fs;
use std::path::PathBuf;

use harness::{Client, Proxy, keep_busy, wait_until};

use super::{FILE, backend, config, lines};
use crate::programs;

/// Has logrotate rotate the log now; false if there is no logrotate.
fn rotate(proxy: &Proxy, keys: &str) -> bool {
    let (rules, state) = (proxy.path("rules"), proxy.path("state"));
    fs::write(&rules, format!("{} {{\n{keys}\n}}\n", proxy.path("access.log").display())).expect("rules");
    let name = |path: &PathBuf| path.to_str().expect("a name").to_owned();
    let arguments = ["--force", "--state", &name(&state), &name(&rules)];
    let Some(done) = programs::run(&proxy.path(""), "logrotate", &arguments) else { return false };
    assert!(done.status.success(), "{}", programs::text(&done));
    true
}

#[test]
fn no_line_is_lost_when_logrotate_renames_the_file_under_load() {
    const TIMES: usize = 3;
    let backend = backend();
    let proxy = Proxy::start(&config(&[&backend], FILE));
    let status = proxy.system_file("status");
    let process = status.lines().find_map(|line| line.strip_prefix("Pid:")).expect("a number").trim();
    let rules = format!("rotate 9\npostrotate\n kill -USR1 {process}\nendscript");
    let (sent, there) = keep_busy(
        0..4,
        |_, running| {
            let (mut client, mut sent) = (proxy.client(), 0);
            while running.goes_on() {
                let response = client.get("/");
                assert_eq!(response.status(), 200);
                sent += 1;
                if response.header("connection") == Some("close") {
                    client = Client::connect(proxy.address());
                }
            }
            sent
        },
        || {
            for time in 1..=TIMES {
                wait_until("there is something to rotate", || !lines_so_far(&proxy, "access.log").is_empty());
                if !rotate(&proxy, &rules) {
                    return false;
                }
                proxy.log.wait_for_many("access-log-reopened", time);
            }
            true
        },
    );
    let folder = proxy.stop();
    if there {
        let names =
            ["access.log".to_owned()].into_iter().chain((1..=TIMES).map(|n| format!("access.log.{n}")));
        let logged: usize = names.map(|name| lines(&folder.path().join(name)).len()).sum();
        assert_eq!(logged, sent.iter().sum::<usize>());
    }
}

/// The file as it is; a line may still be on its way.
fn lines_so_far(proxy: &Proxy, name: &str) -> String {
    fs::read_to_string(proxy.path(name)).unwrap_or_default()
}

#[test]
fn a_file_that_logrotate_has_copied_and_cut_has_no_gap() {
    let backend = backend();
    let proxy = Proxy::start(&config(&[&backend], FILE));
    let mut client = proxy.client();
    let mut get = |count| (0..count).for_each(|_| assert_eq!(client.get("/").status(), 200));
    get(10);
    wait_until("the lines are there", || lines(&proxy.path("access.log")).len() == 10);
    if !rotate(&proxy, "rotate 9\ncopytruncate") {
        return;
    }
    get(5);
    let folder = proxy.stop();
    // At the old place in the file, the first of the new lines would stand behind a gap of NUL.
    assert_eq!(lines(&folder.path().join("access.log.1")).len(), 10);
    assert_eq!(lines(&folder.path().join("access.log")).len(), 5);
}
