//! A program that is replaced, stopped and started by others without anybody noticing.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use harness::{
    Backend, Client, DEADLINE, Latch, LogLine, Proxy, Running, Setup, keep_busy, send_signal, wait_until,
};

const CONNECTIONS: usize = 64;

/// Sends requests until it is told to stop; connects anew when it is told that a connection ends. No request fails.
/// Answers how often it was told so.
fn send(address: SocketAddr, running: &Running, sent: &AtomicU64) -> usize {
    let mut client = Client::connect(address);
    let mut ends = 0;
    while running.goes_on() {
        let response = client.get("/");
        assert!(response.status() == 200 && response.whole, "{response:?}");
        sent.fetch_add(1, Ordering::Relaxed);
        if response.header("connection") == Some("close") {
            client = Client::connect(address);
            ends += 1;
        }
    }
    ends
}

/// Keeps connections busy while `change` runs, which can ask for the number of requests so far. Answers how many were
/// sent, and how many connections have ended in good order.
fn under_load(address: SocketAddr, change: impl FnOnce(&AtomicU64)) -> (u64, usize) {
    let sent = AtomicU64::new(0);
    let (ends, ()) = keep_busy(0..CONNECTIONS, |_, running| send(address, running, &sent), || change(&sent));
    (sent.into_inner(), ends.into_iter().sum())
}

fn wait_for_more(sent: &AtomicU64) {
    let before = sent.load(Ordering::Relaxed);
    wait_until("requests are served", || sent.load(Ordering::Relaxed) > before + 2 * CONNECTIONS as u64);
}

#[test]
fn a_program_that_takes_over_under_load_loses_no_request() {
    let backend = Backend::named("backend");
    let mut proxy =
        Setup { listener: "keepalive_requests = 1000000000", ..Setup::default() }.start(&[&backend]);
    let address = proxy.address();
    let (sent, ends) = under_load(address, |sent| {
        wait_for_more(sent);
        proxy.signal("USR2");
        proxy.log.wait_for("process-replaced");
        assert_eq!(proxy.wait_for_exit().code(), Some(0));
        wait_for_more(sent);
        // And once more: what took over can be replaced in its turn.
        assert!(send_signal(proxy.successors()[0], "USR2"));
        proxy.log.wait_for_many("drain-finished", 2);
        wait_for_more(sent);
    });
    println!("{sent} requests, {ends} connections told that they end");
    assert!(ends >= 2 * CONNECTIONS, "each connection has moved twice: {ends}");
    assert_eq!(backend.count() as u64, sent, "none is sent twice");
    assert_eq!(proxy.log.events("drain-timed-out"), []);
    assert_eq!(proxy.log.errors(), []);
    let last = proxy.successors()[1];
    assert!(send_signal(last, "TERM"));
    proxy.log.wait_for_many("drain-finished", 3);
}

#[test]
fn a_program_that_cannot_start_replaces_nothing() {
    let backend = Backend::named("backend");
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    proxy.rewrite("nonsense = 1\n");
    let mut client = proxy.client();
    for attempt in 1..=2 {
        proxy.signal("USR2");
        let said = proxy.log.wait_for_many("replacement-failed", attempt).remove(attempt - 1);
        assert!(said.message().contains("ended before it served"), "{said}");
        assert_eq!(client.get("/").header("connection"), None);
    }
    // What runs may have looked at the file, too, and says so in lines of its log.
    wait_until("the new process has said why", || {
        // This one is no event.
        let says_why = |line: &LogLine| line.text().starts_with("pointsman.toml:1: nonsense: unknown key");
        proxy.log.lines().iter().any(says_why)
    });
    assert_eq!(proxy.client().get("/").text(), "backend");
}

#[test]
fn what_runs_when_another_program_takes_over_is_finished() {
    let release = Latch::default();
    let opened = release.clone();
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        if exchange.request.target() == "/slow" {
            opened.wait();
        }
        exchange.respond("good");
    });
    // The delay is for a proxy that ends, not for one that is replaced.
    let (top, admin) = ("drain_delay = \"10m\"", "[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n");
    let mut proxy = Setup { top, pool: admin, ..Setup::default() }.start(&[&backend]);
    let mut slow = proxy.client();
    slow.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
    backend.wait_for_requests(1);
    proxy.signal("USR2");
    proxy.log.wait_for("process-replaced");
    // The old process is draining, but nobody can tell.
    for _ in 0..20 {
        assert_eq!(Client::connect(proxy.admin()).get("/ready").status(), 200);
        assert_eq!(proxy.client().get("/").text(), "good");
    }
    release.open();
    let response = slow.response("GET");
    assert_eq!((response.text().as_str(), response.header("connection")), ("good", Some("close")));
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
    assert_eq!(proxy.client().get("/").text(), "good");
}

#[test]
fn a_thousand_connections_end_without_a_loss() {
    const EACH: usize = 500;
    let release = Latch::default();
    let opened = release.clone();
    let backend = Backend::start(move |exchange| {
        exchange.read_body();
        opened.wait();
        exchange.respond("good");
    });
    let mut proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let connect = || (0..EACH).map(|_| proxy.client()).collect::<Vec<_>>();
    let (mut running, mut silent) = (connect(), connect());
    let request = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
    for client in &mut running {
        client.send(request);
    }
    backend.wait_for_requests(EACH);
    proxy.signal("TERM");
    proxy.log.wait_for("drain-started");
    for client in &mut silent {
        client.send(request);
    }
    release.open();
    let began = Instant::now();
    for client in running.iter_mut().chain(&mut silent) {
        let response = client.response("GET");
        assert_eq!((response.text().as_str(), response.header("connection")), ("good", Some("close")));
    }
    println!("{} responses in {:?}", 2 * EACH, began.elapsed());
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
    assert_eq!(proxy.log.events("drain-finished").len(), 1);
}

/// Runs the program as systemd does, with a socket that it has bound and one to be told by.
fn activated(socket: &TcpListener, notify: &std::path::Path) -> Command {
    let mut command = Command::new("sh");
    // The process number is known only in the process itself.
    command.args(["-c", "LISTEN_PID=$$ exec \"$0\" run"]).arg(harness::program());
    command.env("LISTEN_FDS", "1").env("NOTIFY_SOCKET", notify);
    let parent_fd = socket.try_clone().expect("a duplicate").into();
    command.fd_mappings(vec![FdMapping { parent_fd, child_fd: 3 }]).expect("one descriptor");
    command
}

#[test]
fn systemd_hands_over_its_socket_and_is_notified_of_each_step() {
    let backend = Backend::named("backend");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("an address");
    let runtime = tempfile::tempdir().expect("a directory");
    let notify = runtime.path().join("notify");
    let told = UnixDatagram::bind(&notify).expect("a socket");
    told.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let next = || {
        let mut message = [0; 1024];
        let length = told.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    let config = |more: &str| {
        format!(
            "workers = 2\n[[listener]]\naddress = \"{address}\"\n[pool.p]\nbackends = [\"{}\"]\n{more}",
            backend.address()
        )
    };
    // Who connects before the program is there is served when it is, also between two runs.
    for run in 0..2 {
        let mut early = Client::connect(address);
        early.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        let directory = tempfile::tempdir().expect("a directory");
        let mut proxy = Proxy::start_by(activated(&socket, &notify), directory, &config(""));
        assert_eq!(proxy.addresses(), [address]);
        assert_eq!(early.response("GET").text(), "backend", "run {run}");
        assert_eq!(next(), "READY=1\nSTATUS=configuration 1 serves\n");

        proxy.rewrite(&config("idle_timeout = \"7s\"\n"));
        proxy.signal("HUP");
        let reloading = next();
        assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
        // Whether this reload was the first to see the change, or an event came before it.
        let ready = next();
        assert!(ready.starts_with("READY=1\nSTATUS=") && ready.ends_with(" serves\n"), "{ready}");
        assert_eq!(proxy.log.wait_for("configuration-reloaded").field("configuration"), Some("2"));
        proxy.signal("TERM");
        assert_eq!(next(), "STOPPING=1\nSTATUS=draining\n");
        assert_eq!(proxy.wait_for_exit().code(), Some(0));
    }
    told.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout");
    let nothing = told.recv(&mut [0; 16]).expect_err("nothing more to say");
    assert!(matches!(nothing.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
}

#[test]
fn systemd_is_notified_which_process_is_the_service() {
    let backend = Backend::named("backend");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("an address");
    let runtime = tempfile::tempdir().expect("a directory");
    let notify = runtime.path().join("notify");
    let told = UnixDatagram::bind(&notify).expect("a socket");
    told.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let config =
        format!("[[listener]]\naddress = \"{address}\"\n[pool.p]\nbackends = [\"{}\"]\n", backend.address());
    let directory = tempfile::tempdir().expect("a directory");
    let mut proxy = Proxy::start_by(activated(&socket, &notify), directory, &config);
    proxy.signal("USR2");
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
    let mut messages = Vec::new();
    for _ in 0..3 {
        let mut message = [0; 1024];
        let length = told.recv(&mut message).expect("a message");
        messages.push(String::from_utf8_lossy(&message[..length]).into_owned());
    }
    let ready = "READY=1\nSTATUS=configuration 1 serves\n".to_owned();
    assert_eq!(messages, [ready.clone(), ready, format!("MAINPID={}\n", proxy.successors()[0])]);
    assert_eq!(Client::connect(address).get("/").text(), "backend");
}
