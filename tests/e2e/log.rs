//! A log that can't be written costs lines, and nothing else.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use harness::{Backend, Client, DEADLINE, Log, LogLine, Proxy, send_signal, wait_until};
use tempfile::TempDir;

/// Failed requests of which as many lines are logged as fill a pipe twice.
const A_PIPE: usize = 1_000;
/// And as many as fill the queue before it, too.
const THE_QUEUE: usize = 10_000;

/// A proxy whose standard error is whatever a test makes of it. Its listener comes from outside, so that its address is
/// known without a log.
struct Unheard {
    child: Child,
    address: SocketAddr,
    directory: TempDir,
}

/// A route to a backend that serves, and one to a backend that isn't there.
fn config(listener: SocketAddr, backend: &Backend) -> String {
    format!(
        "workers = 2\n[[listener]]\naddress = \"{listener}\"\n[[route]]\npath = \"/dead\"\npool = \"dead\"\n\
         [[route]]\npath = \"/good\"\npool = \"good\"\n[pool.dead]\nbackends = [\"127.0.0.1:1\"]\n\
         [pool.good]\nbackends = [\"{}\"]\n",
        backend.address()
    )
}

impl Unheard {
    fn start(backend: &Backend, level: &str, stderr: impl Into<Stdio>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("an address");
        std::fs::write(directory.path().join("pointsman.toml"), config(address, backend)).expect("a file");
        let mut command = Command::new("sh");
        // The process number is known only in the process itself.
        let start = "LISTEN_PID=$$ exec \"$0\" run --log-level \"$1\"";
        command.args(["-c", start]).arg(harness::program()).arg(level).env("LISTEN_FDS", "1");
        command.current_dir(directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let mapping = FdMapping { parent_fd: socket.into(), child_fd: 3 };
        command.fd_mappings(vec![mapping]).expect("one descriptor");
        let child = command.spawn().expect("the program");
        Self { child, address, directory }
    }

    /// Sends `count` requests that fail, and some that don't: each one is answered. What repeats is logged, too, as long
    /// as it is a detail: that nobody's route leads somewhere.
    fn serves_while_requests_fail(&self, count: usize) {
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    let mut client = Client::connect(self.address);
                    for _ in 0..count / 8 / 10 {
                        (0..10).for_each(|_| assert_eq!(client.get("/none").status(), 404));
                        assert!([502, 503].contains(&client.get("/dead").status()));
                        assert_eq!(client.get("/good").text(), "good");
                    }
                });
            }
        });
    }

    /// What isn't on the data path goes on as well.
    fn reloads(&self, backend: &Backend) {
        let other = config(self.address, backend).replace("/good", "/better");
        std::fs::write(self.directory.path().join("pointsman.toml"), other).expect("a file");
        assert!(send_signal(self.child.id(), "HUP"));
        wait_until("the new configuration serves", || {
            Client::connect(self.address).get("/better").status() == 200
        });
    }

    fn ends_in_time(mut self) {
        let began = Instant::now();
        assert!(send_signal(self.child.id(), "TERM"));
        wait_until("the proxy ends", || self.child.try_wait().expect("a child").is_some());
        assert_eq!(self.child.wait().expect("a status").code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_closed_log_pipe_stops_nothing() {
    let backend = Backend::named("good");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let proxy = Unheard::start(&backend, "debug", writer);
    drop(reader);
    proxy.serves_while_requests_fail(A_PIPE);
    proxy.reloads(&backend);
    proxy.ends_in_time();
}

#[test]
fn a_full_disk_stops_neither_a_start_nor_a_request() {
    let backend = Backend::named("good");
    let full = File::options().write(true).open("/dev/full").expect("a full disk");
    let proxy = Unheard::start(&backend, "debug", full);
    proxy.serves_while_requests_fail(A_PIPE);
    proxy.reloads(&backend);
    proxy.ends_in_time();
}

#[test]
fn an_unread_log_pipe_stops_no_worker() {
    let backend = Backend::named("good");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let proxy = Unheard::start(&backend, "debug", writer);
    proxy.serves_while_requests_fail(A_PIPE);
    proxy.reloads(&backend);
    proxy.ends_in_time();
    drop(reader);
}

#[test]
fn a_pipe_that_another_process_has_made_non_blocking_loses_nothing_either() {
    let backend = Backend::named("good");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    // The flag belongs to the pipe, and so to all that share it, such as a shell or an event loop that has started the proxy.
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).expect("it is allowed");
    let proxy = Unheard::start(&backend, "debug", writer);
    proxy.serves_while_requests_fail(A_PIPE);
    let log = Log::follow(reader);
    let sent = A_PIPE / 8 / 10 * 8 * 10;
    log.wait_where_many("request-failed", sent, |line| line.field("error") == Some("no-route"));
    proxy.ends_in_time();
    assert_ends_well(&log);
    assert_eq!(log.events("log-lines-lost"), []);
}

#[test]
fn lost_lines_are_reported_once_the_pipe_is_read_again() {
    let backend = Backend::named("good");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let proxy = Unheard::start(&backend, "debug", writer);
    proxy.serves_while_requests_fail(THE_QUEUE);
    let log = Log::follow(reader);
    let lost = log.wait_for("log-lines-lost");
    let count = lost.field("lost").and_then(|count| count.parse::<usize>().ok());
    assert!(count.is_some_and(|count| count > 0) && lost.level() == "WARN", "{lost}");
    // And everything that comes behind it is there.
    let mut client = Client::connect(proxy.address);
    client.get("/none");
    let peer = client.stream().local_addr().expect("an address").to_string();
    log.wait_where("request-failed", |line| line.field("peer") == Some(&peer));
    proxy.ends_in_time();
    assert_ends_well(&log);
}

#[test]
fn a_failed_start_does_not_wait_for_a_reader() {
    let backend = Backend::named("good");
    // As full as it gets: somebody else has written before.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut full = File::options().write(true).custom_flags(nonblocking).open(path).expect("the same pipe");
    while std::io::Write::write(&mut full, b"somebody else's line\n").is_ok() {}
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let directory = tempfile::tempdir().expect("a directory");
    let taken = config(socket.local_addr().expect("an address"), &backend);
    std::fs::write(directory.path().join("pointsman.toml"), taken).expect("a file");
    let mut command = Command::new(harness::program());
    let mut child =
        command.arg("run").current_dir(directory.path()).stderr(writer).spawn().expect("the program");
    drop(command);
    let began = Instant::now();
    wait_until("the proxy ends", || child.try_wait().expect("a child").is_some());
    assert_eq!(child.wait().expect("a status").code(), Some(1));
    assert!(began.elapsed() < DEADLINE / 2);
    drop((reader, full));
}

#[test]
fn the_same_warning_again_and_again_is_said_now_and_then() {
    let backend = Backend::named("good");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let proxy = Unheard::start(&backend, "info", writer);
    let log = Log::follow(reader);
    let mut client = Client::connect(proxy.address);
    let (mut sent, mut told) = (0, 0);
    wait_until("one comes through, and says how many didn't", || {
        sent += 1;
        client.get("/dead");
        let count = |line: &LogLine| line.field("suppressed")?.parse().ok();
        told = log.events("request-failed").iter().find_map(count).unwrap_or_default();
        told > 0
    });
    assert!(told + 50 <= sent, "{told} of {sent}");
    proxy.ends_in_time();
    // What happens once is always said.
    assert_ends_well(&log);
    assert_eq!(log.events("drain-started").len(), 1);
}

/// That the end of a drain is the last that was said.
fn assert_ends_well(log: &Log) {
    let lines = log.wait_for_end();
    assert_eq!(lines.last().map(LogLine::event), Some("drain-finished"));
}

#[test]
fn how_much_is_logged_is_said_on_the_command_line_or_in_the_environment() {
    let backend = Backend::named("good");
    let level = |command_line: Option<&str>, environment: Option<&str>| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = Command::new(harness::program());
        command.arg("run").env_remove("RUST_LOG");
        if let Some(level) = command_line {
            command.args(["--log-level", level]);
        }
        if let Some(level) = environment {
            command.env("RUST_LOG", level);
        }
        let config = config(([127, 0, 0, 1], 0).into(), &backend);
        let mut proxy = Proxy::start_by(command, directory, &config);
        // Nobody's route leads there: that is worth a line only to somebody who looks for it.
        assert_eq!(proxy.client().get("/none").status(), 404);
        proxy.signal("TERM");
        assert!(proxy.wait_for_exit().success());
        proxy.log.wait_for("drain-finished");
        let debug = !proxy.log.events("request-failed").is_empty();
        let complaint = proxy.log.events("log-filter-refused").len();
        (debug, complaint)
    };
    assert_eq!(level(None, None), (false, 0));
    assert_eq!(level(Some("debug"), None), (true, 0));
    assert_eq!(level(None, Some("info,pointsman::proxy=debug")), (true, 0));
    assert_eq!(level(Some("info"), Some("debug")), (false, 0), "the command line wins");
    assert_eq!(level(None, Some("loud")), (false, 1), "a mistake there is no reason not to start");
    let output = Proxy::run_to_end(&["run", "--log-level", "loud"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`loud` is no level"));
}
