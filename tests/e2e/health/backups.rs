//! Backups: they serve where all others fail, whether or not that is known of them.

use harness::{Backend, Proxy, nobody, wait_until};

use super::served;

const BROKEN: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

/// A proxy in front of these addresses and backups, with lines of the pool.
fn proxy(primaries: &[String], backups: &[Backend], pool: &str) -> Proxy {
    let mut entries: Vec<String> = primaries.iter().map(|address| format!("\"{address}\"")).collect();
    entries.extend(
        backups.iter().map(|backup| format!("{{ address = \"{}\", backup = true }}", backup.address())),
    );
    Proxy::start(&format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\n{pool}\nbackends = [{}]\n",
        entries.join(", ")
    ))
}

/// Addresses at which nobody listens.
fn dead(count: usize) -> Vec<String> {
    (0..count).map(|_| nobody().to_string()).collect()
}

#[test]
fn backups_take_over_from_any_number_of_dead_backends() {
    for (primaries, spare) in [(1, 1), (2, 1), (3, 1), (3, 2), (4, 1), (2, 2)] {
        let backups: Vec<Backend> = (0..spare).map(|_| Backend::named("b")).collect();
        let proxy = proxy(&dead(primaries), &backups, "");
        let mut client = proxy.client();
        wait_until(&format!("{spare} take over from {primaries}"), || {
            served(&mut client, 20) == "b".repeat(20)
        });
    }
}

#[test]
fn backups_take_over_from_backends_that_answer_with_errors() {
    let broken = [(); 3].map(|()| Backend::start(|exchange| exchange.send(BROKEN)));
    let addresses: Vec<String> = broken.iter().map(|backend| backend.address().to_string()).collect();
    let backups = [Backend::named("b")];
    let proxy = proxy(&addresses, &backups, "");
    let mut client = proxy.client();
    wait_until("it takes over", || served(&mut client, 20) == "b".repeat(20));
}

#[test]
fn a_request_that_all_others_refuse_goes_to_a_backup() {
    for policy in ["round-robin", "least-conn", "ip-hash", "peak-ewma"] {
        let pool = format!("policy = \"{policy}\"\nejection = {{ enabled = false }}\n");
        let backups = [Backend::named("b")];
        let proxy = proxy(&dead(2), &backups, &pool);
        // The first one already, and each: nothing is ever known of the dead ones.
        assert_eq!(served(&mut proxy.client(), 30), "b".repeat(30), "{policy}");
    }
}

#[test]
fn a_backup_that_is_alone_stays() {
    let backups = [Backend::start(|exchange| exchange.send(BROKEN))];
    let proxy = proxy(&dead(1), &backups, "");
    let mut client = proxy.client();
    let labels: Vec<_> = (0..60).map(|_| client.get("/").error_label().map(str::to_owned)).collect();
    assert_eq!(labels, vec![None; 60], "all answers are the backup's own");
}
