//! Backends that are processes, so that they can be killed and stopped as the system does it.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use harness::{self, wait_until};

/// Set in a process that is to be a backend: the address to listen on.
const ADDRESS: &str = "POINTSMAN_TEST_BACKEND";

/// A backend in a process of its own. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    /// Bodies of the requests that it has read.
    read: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts on an address that no other test gets when it is killed.
    pub(crate) fn start() -> Self {
        Self::start_on(harness::own_address())
    }

    /// Starts on this address, such as one that another backend has left.
    pub(crate) fn start_on(address: SocketAddr) -> Self {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "process::backend", "--ignored", "--nocapture"])
            .env(ADDRESS, address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
        let mut lines = lines.map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once("listens on ")?.1.parse().ok());
        let read = Arc::<Mutex<Vec<String>>>::default();
        let sink = Arc::clone(&read);
        std::thread::spawn(move || {
            for line in lines {
                sink.lock().expect("no panic").push(line);
            }
        });
        Self { child, address: address.expect("an address"), read }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bodies of the requests that it has read so far.
    pub(crate) fn read(&self) -> Vec<String> {
        self.read.lock().expect("no panic").clone()
    }

    /// Waits until it has read this many more requests.
    pub(crate) fn wait_for_more(&self, count: usize) {
        let before = self.read().len();
        wait_until(&format!("the backend reads {count} more requests"), || {
            self.read().len() >= before + count
        });
    }

    /// Sends a signal by its name, such as `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success(), "signal {name}");
    }

    /// Kills it and waits for its end.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Not a test: what runs in a [`Process`].
#[test]
#[ignore = "runs as a backend, in a process that another test starts"]
fn backend() {
    let Ok(address) = env::var(ADDRESS) else { return };
    let backend = harness::Backend::start_on(address.parse().expect("an address"), |exchange| {
        exchange.read_body();
        let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
        // Said before it is answered: what was answered has been said.
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{body}").and_then(|()| out.flush());
        drop(out);
        exchange.respond("served");
    });
    println!("listens on {}", backend.address());
    // Until it is killed.
    loop {
        std::thread::park();
    }
}
