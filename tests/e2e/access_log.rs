//! The access log: a line for each request, whatever clients, backends, disks and tools for logs do.

mod rotation;
mod takeover;

use std::fs::{self, File};
use std::net::Shutdown;
use std::path::Path;

use harness::{Backend, Client, Proxy, wait_until};
use rustix::fs::{CWD, FileType, Mode};
use serde_json::Value;

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// A proxy that logs requests, with these keys of the log.
fn config(backends: &[&Backend], keys: &str) -> String {
    let backends: Vec<_> = backends.iter().map(|backend| format!("\"{}\"", backend.address())).collect();
    format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n[access_log]\n{keys}\n[pool.web]\nbackends = [{}]\n\
         retry = {{ statuses = [503], backoff = \"1ms\" }}\n",
        backends.join(", ")
    )
}

const FILE: &str = "path = \"access.log\"";

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("text");
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(line).collect()
}

/// A backend that serves, fails, changes the protocol or never comes to an end, as it is asked to.
fn backend() -> Backend {
    Backend::start(|exchange| match exchange.request.target() {
        "/503" => exchange.send("HTTP/1.1 503 S\r\ncontent-length: 0\r\n\r\n"),
        "/silent" => exchange.wait_for_close(),
        "/half" => {
            exchange.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nhalf");
            exchange.wait_for_close();
        }
        "/chat" => {
            exchange.send(format!("{AGREE}hello"));
            exchange.wait_for_close();
        }
        _ => exchange.respond("hello"),
    })
}

#[test]
fn each_request_has_its_line() {
    let backends = [backend(), backend()];
    let proxy = Proxy::start(&config(&[&backends[0], &backends[1]], FILE));
    let mut client = proxy.client();
    let odd = b"GET /odd?a=\"<> HTTP/1.1\r\nHost: test\r\nUser-Agent: \xff \"quoted\" \\ half \xc3\r\n\
                Authorization: secret\r\nCookie: secret\r\n\r\n";
    assert_eq!(client.send(odd).response("GET").status(), 200);
    assert_eq!(client.get("/503").status(), 503);
    assert_eq!(proxy.client().send("GET /refused HTTP/1.1\r\n\r\n").response("GET").status(), 400);
    // One leaves before there is a response, and one within it.
    let mut early = proxy.client();
    early.send("GET /silent HTTP/1.1\r\nHost: test\r\n\r\n");
    wait_until("a backend is asked", || backends.iter().any(|backend| has_seen(backend, "/silent")));
    drop(early);
    let mut late = proxy.client();
    late.send("GET /half HTTP/1.1\r\nHost: test\r\n\r\n");
    late.read_exactly(20);
    drop(late);
    let mut tunnel = proxy.client();
    tunnel.send(ASK);
    tunnel.read_exactly(AGREE.len());
    tunnel.stream().shutdown(Shutdown::Both).expect("a connection");
    let path = proxy.path("access.log");
    wait_until("all have ended", || lines(&path).len() == 7);
    let all = lines(&path);
    let of = |path: &str| all.iter().filter(|line| line["path"] == path).collect::<Vec<_>>();

    let odd = &of("/odd")[0];
    assert_eq!((&odd["query"], &odd["status"]), (&"a=\"<>".into(), &200.into()));
    assert_eq!(odd["user_agent"], "\u{ff} \"quoted\" \\ half \u{c3}");
    assert!(!odd.to_string().contains("secret"), "{odd}");
    let retried = &of("/503")[0];
    assert_eq!(retried["attempts"].as_array().map(Vec::len), Some(2), "{retried}");
    assert_ne!(retried["attempts"][0]["backend"], retried["attempts"][1]["backend"]);
    let refused = &of("/refused")[0];
    assert_eq!((&refused["error"], &refused["method"]), (&"host".into(), &"GET".into()));
    for (path, status, phase) in [("/silent", 499, "response"), ("/half", 200, "body")] {
        let left = &of(path)[0];
        assert_eq!((&left["status"], &left["error"]), (&status.into(), &"client-abort".into()), "{left}");
        assert_eq!((&left["ended_by"], &left["phase"]), (&"client".into(), &phase.into()), "{left}");
    }
    let [open, close] = of("/chat")[..] else { panic!("two lines of the tunnel: {all:#?}") };
    assert_eq!((&open["event"], &close["event"]), (&"tunnel-open".into(), &"tunnel-close".into()));
    assert_eq!((&open["status"], &open["backend"]), (&101.into(), &close["backend"]));
    assert_eq!(close["body_bytes_sent"], 5);
}

fn has_seen(backend: &Backend, target: &str) -> bool {
    backend.requests().iter().any(|request| request.target() == target)
}

#[test]
fn no_line_is_lost_while_files_are_rotated() {
    let backend = backend();
    let proxy = Proxy::start(&config(&[&backend], FILE));
    let (path, old) = (proxy.path("access.log"), proxy.path("access.log.1"));
    let mut client = proxy.client();
    let mut get = |count| (0..count).for_each(|_| assert_eq!(client.get("/").status(), 200));
    get(10);
    fs::rename(&path, &old).expect("the file");
    get(10);
    proxy.signal("USR1");
    proxy.log.wait_for("access-log-reopened");
    get(10);
    wait_until("all lines are there", || lines(&path).len() + lines(&old).len() == 30);
    // As tools do that copy the file, and cut it then.
    let copied = lines(&path).len();
    File::options().write(true).open(&path).and_then(|file| file.set_len(0)).expect("the file");
    get(10);
    // A reload loses none either, nor does an end.
    let text = config(&[&backend], &format!("{FILE}\nformat = \"text\""));
    proxy.reload(&text);
    let mut client = proxy.client();
    (0..10).for_each(|_| assert_eq!(client.get("/").status(), 200));
    let directory = proxy.stop();
    let text = fs::read_to_string(directory.path().join("access.log")).expect("text, and no gap in it");
    let (json, combined): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('{'));
    assert_eq!((json.len(), combined.len(), text.contains('\0')), (10, 10, false), "{text}");
    assert!(
        combined.iter().all(|line| line.contains("] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\" rid=")),
        "{text}"
    );
    assert!(copied >= 10);
}

#[test]
fn a_blocked_output_costs_lines_and_nothing_else() {
    const SENT: usize = 600;
    let backend = backend();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("pipe");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a named pipe");
    // Reads nothing before it is told to.
    let reader = File::options().read(true).write(true).open(&path).expect("the pipe");
    let proxy = Proxy::start_in(directory, &config(&[&backend], "path = \"pipe\"\nbuffer = \"256KiB\""));
    let mut client = proxy.client();
    let long = format!("User-Agent: {}\r\n", "x".repeat(2_000));
    (0..SENT).for_each(|_| assert_eq!(client.get_with("/", &long).status(), 200));
    let (mut read, mut dropped) = (0, 0);
    for line in std::io::BufRead::lines(std::io::BufReader::new(reader)) {
        let line: Value = serde_json::from_str(&line.expect("text")).expect("whole lines");
        match line["event"].as_str() {
            Some("dropped") => dropped += line["lines"].as_u64().expect("a number"),
            _ => read += 1,
        }
        if read + dropped == SENT as u64 {
            break;
        }
    }
    assert!(dropped > 0 && read > 0, "{read} read, {dropped} dropped");
    // It goes on.
    assert_eq!(client.get("/").status(), 200);
}

#[test]
fn a_full_disk_stops_nothing() {
    let backend = backend();
    let proxy = Proxy::start(&config(&[&backend], "path = \"/dev/full\""));
    let mut client = proxy.client();
    (0..10).for_each(|_| assert_eq!(client.get("/").status(), 200));
    let told = proxy.log.wait_for("access-log-write-failed");
    assert_eq!((told.level(), told.field("path")), ("WARN", Some("/dev/full")));
    proxy.stop();
}

#[test]
fn what_can_not_be_opened_refuses_a_reload() {
    let backend = backend();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("pipe");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a named pipe");
    let pipe = config(&[&backend], "path = \"pipe\"");
    let proxy = Proxy::start_in(directory, &config(&[&backend], ""));
    // A named pipe that nobody reads.
    proxy.rewrite(&pipe);
    proxy.signal("HUP");
    let refused = proxy.log.wait_for("configuration-refused");
    assert!(
        refused.text().contains(":5: access_log.path: cannot write to `pipe`: nobody reads this named pipe"),
        "{refused}"
    );
    assert_eq!(Client::connect(proxy.address()).get("/").status(), 200);
}
