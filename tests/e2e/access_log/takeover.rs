//! A program that takes over (SIGUSR2) has the access log and the socket of the admin server from the one before.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Client, Proxy, keep_busy, send_signal, wait_until};

use super::{FILE, backend, config, lines};

/// Asks the admin server whether it is live, on a connection of its own.
fn ask(socket: &Path) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn both_programs_write_to_one_log_and_the_socket_answers_all_the_time() {
    let backend = backend();
    let admin = format!("{FILE}\n[admin]\naddress = \"unix:admin.sock\"");
    let mut proxy = Proxy::start(&config(&[&backend], &admin));
    let (address, socket, log) = (proxy.address(), proxy.path("admin.sock"), proxy.path("access.log"));
    proxy.log.wait_for("admin-bound");
    let sent = AtomicUsize::new(0);
    let request = |client: &mut Client| {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let response = client.get(&format!("/number/{number}"));
        assert_eq!(response.status(), 200);
        if response.header("connection") == Some("close") {
            *client = Client::connect(address);
        }
    };
    let work = |place, running: &harness::Running| {
        let mut client = Client::connect(address);
        while running.goes_on() {
            if place == 0 {
                let answer = ask(&socket).expect("the admin server's answer");
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            } else {
                request(&mut client);
            }
        }
    };
    let wait_for_more = || {
        let before = sent.load(Ordering::Relaxed);
        wait_until("requests are served", || sent.load(Ordering::Relaxed) > before + 20);
    };
    keep_busy(0..4, work, || {
        wait_for_more();
        proxy.signal("USR2");
        proxy.log.wait_for("process-replaced");
        assert_eq!(proxy.wait_for_exit().code(), Some(0));
        wait_for_more();
    });
    assert!(send_signal(proxy.successors()[0], "TERM"));
    proxy.log.wait_for_many("drain-finished", 2);
    let all = sent.into_inner();
    wait_until("the last lines are written", || lines(&log).len() >= all);
    let paths: BTreeSet<String> = lines(&log).iter().map(|line| line["path"].to_string()).collect();
    assert_eq!((paths.len(), lines(&log).len()), (all, all), "each request has one line");
}
