//! Draining backends and backups, whatever the policy.

use std::collections::BTreeSet;

use harness::Backend;

use super::proxy;

const POLICIES: [&str; 3] = ["round-robin", "least-conn", "ip-hash"];

/// Sends requests of many clients over some connections; answers who served.
fn serving(policy: &str, roles: &[&str]) -> BTreeSet<String> {
    let backends: Vec<Backend> = (0..roles.len()).map(|place| Backend::named(&place.to_string())).collect();
    let backends: Vec<(&Backend, &str)> = backends.iter().zip(roles.iter().copied()).collect();
    let proxy = proxy(&format!("\"{policy}\""), &backends, "trusted_proxies = [\"127.0.0.1\"]");
    let requests = (0..48).map(|number| {
        let response = proxy.client().get_with("/", &format!("X-Forwarded-For: 192.0.2.{number}\r\n"));
        assert_eq!(response.status(), 200, "{policy}, {roles:?}: {response:?}");
        response.text()
    });
    requests.collect()
}

fn check(roles: &[&str], expected: &[&str]) {
    for policy in POLICIES {
        let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(serving(policy, roles), expected, "{policy}, {roles:?}");
    }
}

#[test]
fn draining_backends_and_backups_get_nothing_while_others_serve() {
    check(&["", "draining = true", "backup = true", "", "backup = true, draining = true"], &["0", "3"]);
}

#[test]
fn backups_serve_when_nothing_else_is_eligible() {
    check(&["draining = true", "backup = true", "draining = true", "backup = true"], &["1", "3"]);
}
