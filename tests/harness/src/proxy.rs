//! The proxy as a process.

use std::env;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

use super::{Client, DEADLINE, Log, LogLine, wait_until};

/// A running proxy with a directory of its own. It is killed when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    directory: TempDir,
    /// What it and its successors log.
    pub log: Log,
}

impl Proxy {
    /// Starts with this configuration and waits until it listens.
    pub fn start(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().expect("a directory"), config)
    }

    /// Starts with this configuration in a directory that may hold plugins already.
    pub fn start_in(directory: TempDir, config: &str) -> Self {
        let command = command(directory.path(), &["run"]);
        Self::start_by(command, directory, config)
    }

    /// Starts with a log of these levels.
    pub fn start_with_log(levels: &str, config: &str) -> Self {
        Self::start_in_with_log(tempfile::tempdir().expect("a directory"), levels, config)
    }

    /// Starts in a directory that may hold files already, with a log of these levels.
    pub fn start_in_with_log(directory: TempDir, levels: &str, config: &str) -> Self {
        let command = command(directory.path(), &["run", "--log-level", levels]);
        Self::start_by(command, directory, config)
    }

    /// Starts as a process with this limit of open files, which it can't raise.
    pub fn start_with_open_files(limit: u32, config: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" run")]).arg(program());
        Self::start_by(command, directory, config)
    }

    /// Starts by a command that runs the program in the directory.
    pub fn start_by(mut command: Command, directory: TempDir, config: &str) -> Self {
        std::fs::write(directory.path().join("pointsman.toml"), config).expect("a configuration file");
        command.current_dir(directory.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program");
        // It may hold sockets of the test.
        drop(command);
        let log = Log::follow(child.stderr.take().expect("standard error"));
        let proxy = Self { child, directory, log };
        let listeners = config.matches("[[listener]]").count();
        proxy.log.wait_for_many("listener-bound", listeners);
        proxy
    }

    /// Puts another configuration in place, in one step.
    pub fn rewrite(&self, config: &str) {
        let next = self.path("pointsman.next");
        std::fs::write(&next, config).expect("a file beside it");
        std::fs::rename(next, self.path("pointsman.toml")).expect("the file is replaced");
    }

    /// Puts another configuration in place and waits until it serves; answers the changes that were logged.
    pub fn reload(&self, config: &str) -> String {
        let before = self.log.events("configuration-reloaded").len();
        self.rewrite(config);
        // Instead of waiting until the file has been quiet.
        self.signal("HUP");
        let reloaded = self.log.wait_for_many("configuration-reloaded", before + 1).remove(before);
        reloaded.field("changes").expect("what has changed").to_owned()
    }

    /// Runs the program to its end with this configuration; kills it if there is none.
    pub fn run_to_end(arguments: &[&str], config: &str) -> Output {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("pointsman.toml"), config).expect("a configuration file");
        let mut command = command(directory.path(), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        // Read while it runs: a program that fills a pipe waits for its reader.
        let stdout = read_to_end(child.stdout.take().expect("a pipe"));
        let stderr = read_to_end(child.stderr.take().expect("a pipe"));
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            if began.elapsed() > 2 * DEADLINE {
                let _ = child.kill();
            }
            std::thread::park_timeout(Duration::from_millis(5));
        };
        let join = |reader: JoinHandle<Vec<u8>>| reader.join().expect("its output");
        Output { status, stdout: join(stdout), stderr: join(stderr) }
    }

    /// The first listener's address.
    pub fn address(&self) -> SocketAddr {
        self.addresses()[0]
    }

    /// The addresses of all listeners that have an IP address, in the order of the configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let bound = self.log.events("listener-bound");
        let is_unix =
            |line: &&LogLine| line.field("address").is_some_and(|address| address.starts_with("unix:"));
        bound.iter().filter(|line| !is_unix(line)).map(address).collect()
    }

    /// The admin server's address.
    pub fn admin(&self) -> SocketAddr {
        address(&self.log.wait_for("admin-bound"))
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// A path in the proxy's directory, where relative paths of the configuration lead.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        assert!(send_signal(self.child.id(), name), "signal {name}");
    }

    /// Processes that were started to take over from this one or its successors, in their order.
    pub fn successors(&self) -> Vec<u32> {
        let number = |line: &LogLine| line.field("process")?.parse().ok();
        let started = self.log.events("replacement-started");
        started.iter().map(|line| number(line).expect("a process number")).collect()
    }

    /// Waits until the process ends.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the proxy ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("a status")
    }

    /// Ends it as an operator would; answers its directory, for another one to start in.
    pub fn stop(mut self) -> TempDir {
        self.signal("TERM");
        assert!(self.wait_for_exit().success());
        std::mem::replace(&mut self.directory, tempfile::tempdir().expect("a directory"))
    }

    /// Ends it as a loss of power would; answers its directory, for another one to start in.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
        std::mem::replace(&mut self.directory, tempfile::tempdir().expect("a directory"))
    }

    /// What the system says of the process in a file of its own, such as `limits`.
    pub fn system_file(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id()))
            .expect("a file about the process")
    }

    /// Limits the process to this number of open files beside those that it has now.
    pub fn leave_open_files(&self, count: u64) {
        let open =
            std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its open files").count();
        let most = Some(open as u64 + count);
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        let limit = Rlimit { current: most, maximum: most };
        prlimit(Some(pid), Resource::Nofile, limit).expect("fewer open files");
    }

    /// Resident memory, bytes.
    pub fn resident_memory(&self) -> u64 {
        let text = self.system_file("status");
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let kib: u64 =
            line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
        kib * 1024
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for successor in self.successors() {
            send_signal(successor, "KILL");
        }
        if std::thread::panicking() {
            eprintln!("the proxy's log: {:#?}", self.log.lines());
        }
    }
}

/// Whether the process is there to get it.
pub fn send_signal(process: u32, name: &str) -> bool {
    let signal = match name {
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "TERM" => Signal::TERM,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "STOP" => Signal::STOP,
        "CONT" => Signal::CONT,
        other => panic!("no signal {other} is sent by the tests"),
    };
    let process = process.try_into().ok().and_then(Pid::from_raw).expect("a process");
    kill_process(process, signal).is_ok()
}

/// The program that is tested. Cargo builds it before the tests and says where it is; a test that a debugger has started has it
/// one folder up.
pub fn program() -> PathBuf {
    let beside = || env::current_exe().ok()?.parent()?.parent().map(|folder| folder.join("pointsman"));
    env::var_os("CARGO_BIN_EXE_pointsman").map(PathBuf::from).or_else(beside).expect("a program")
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    command
}

/// The address that a line names.
fn address(line: &LogLine) -> SocketAddr {
    let address = line.field("address").and_then(|address| address.parse().ok());
    address.unwrap_or_else(|| panic!("no address in {line:?}"))
}

/// Reads all that comes, on a thread of its own.
fn read_to_end(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe");
        bytes
    })
}
