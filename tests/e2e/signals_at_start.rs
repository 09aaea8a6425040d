//! Signals that come before the program serves.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use harness::{Log, send_signal, wait_until};

/// How often the moment between the first connection and the end of the start is tried to be hit.
const TRIES: usize = 2;

/// A program whose start waits for its configuration, from a pipe that nobody writes yet.
struct Starting {
    child: Child,
    log: Log,
    folder: tempfile::TempDir,
}

impl Starting {
    fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let pipe = folder.path().join("pointsman.toml");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let mut command = Command::new(harness::program());
        command.arg("run").current_dir(folder.path()).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let log = Log::follow(child.stderr.take().expect("standard error"));
        let starting = Self { child, log, folder };
        wait_until("it listens to signals", || starting.listens_to(1) && starting.listens_to(12));
        starting
    }

    /// Whether the process has a handler for this signal.
    fn listens_to(&self, number: u32) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a status");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("its signals");
        let caught = u64::from_str_radix(caught.trim(), 16).expect("a number");
        caught & (1 << (number - 1)) != 0
    }

    fn signal(&self, name: &str) {
        assert!(send_signal(self.child.id(), name), "it lives");
    }

    fn ends_with(&mut self, code: i32) {
        wait_until("it ends", || self.child.try_wait().expect("a child").is_some());
        assert_eq!(self.child.wait().expect("a status").code(), Some(code));
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_reload_and_a_replacement_that_are_asked_for_too_early_follow() {
    let mut program = Starting::begin();
    program.signal("HUP");
    program.signal("USR2");
    let config = "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.p]\nbackends = [\"127.0.0.1:1\"]\n";
    fs::write(program.folder.path().join("pointsman.toml"), config).expect("somebody reads");
    program.log.wait_for("listener-bound");
    // Both follow, in whatever order. This configuration can't be read twice, so neither can be done.
    program.log.wait_for("reload-ignored");
    program.log.wait_for("replacement-failed");
    program.signal("TERM");
    program.ends_with(0);
}

#[test]
fn a_start_that_waits_for_something_can_be_ended() {
    for signal in ["TERM", "INT"] {
        let mut program = Starting::begin();
        program.signal(signal);
        program.log.wait_for("start-aborted");
        program.ends_with(0);
    }
}

/// The request is answered by a worker before the thread that starts the proxy knows that it serves, which takes long with many workers.
#[test]
fn a_start_that_has_served_drains() {
    for _ in 0..TRIES {
        let mut program = Starting::begin();
        let socket = program.folder.path().join("s");
        let config = format!(
            "workers = 64\n[[listener]]\naddress = \"unix:{}\"\n[pool.p]\nbackends = [\"127.0.0.1:1\"]\n",
            socket.display()
        );
        fs::write(program.folder.path().join("pointsman.toml"), config).expect("somebody reads");
        let answered = || {
            let Ok(mut client) = UnixStream::connect(&socket) else { return false };
            client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_ok()
                && client.read(&mut [0; 16]).is_ok_and(|read| read > 0)
        };
        // At once, as the moment is short.
        wait_until("it answers", || (0..10_000).any(|_| answered()));
        program.signal("TERM");
        program.log.wait_for("drain-started");
        program.ends_with(0);
    }
}
