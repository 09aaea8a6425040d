//! Signals that come before the program serves.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use harness::{DEADLINE, send_signal, wait_until};

/// A program whose start waits for its configuration, from a pipe that nobody writes yet.
struct Starting {
    child: Child,
    log: std::sync::mpsc::Receiver<String>,
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
        let lines = BufReader::new(child.stderr.take().expect("standard error")).lines();
        let (sender, log) = std::sync::mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
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

    fn wait_for_log(&self, text: &str) -> String {
        loop {
            let line = self.log.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|_| panic!("no line with {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
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
    program.wait_for_log("event=\"listener-bound\" address=");
    // Both follow, in whatever order. This configuration can't be read twice, and each says so.
    let mut said = [program.wait_for_log("was read once"), program.wait_for_log("was read once")];
    said.sort_by_key(|line| line.contains("not replaced"));
    assert!(said[0].contains("start anew to change it") && said[1].contains("not replaced"), "{said:?}");
    program.signal("TERM");
    program.ends_with(0);
}

#[test]
fn a_start_that_waits_for_something_can_be_ended() {
    for signal in ["TERM", "INT"] {
        let mut program = Starting::begin();
        program.signal(signal);
        program.wait_for_log("told to end before it served");
        program.ends_with(0);
    }
}
