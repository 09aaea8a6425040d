//! Clients that keep sending while something happens.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::{Client, Proxy, Response, Running, keep_busy, sleep};

/// Connections of every load.
pub(crate) const CONNECTIONS: usize = 64;

/// Between two requests of a connection: a load, but not all that the machine can do.
const PACE: Duration = Duration::from_millis(10);

/// What every connection sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    /// With a body that names the request.
    Post,
}

/// What has become of the requests so far.
#[derive(Debug, Default)]
pub(crate) struct Load {
    sent: AtomicUsize,
    failures: Mutex<Vec<String>>,
    slowest: Mutex<Duration>,
}

impl Load {
    /// Requests that have been answered, or failed.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// What went wrong: the response's status line and label, or the error.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().expect("no panic").clone()
    }

    pub(crate) fn slowest(&self) -> Duration {
        *self.slowest.lock().expect("no panic")
    }

    /// Waits until this many more requests have been sent.
    pub(crate) fn wait_for_more(&self, count: usize) {
        let before = self.sent();
        harness::wait_until(&format!("{count} more requests are sent"), || self.sent() >= before + count);
    }

    fn note(&self, took: Duration, failure: Option<String>) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let mut slowest = self.slowest.lock().expect("no panic");
        *slowest = took.max(*slowest);
        drop(slowest);
        if let Some(failure) = failure {
            self.failures.lock().expect("no panic").push(failure);
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = self.failures();
        write!(f, "sent {}, failed {}, slowest {:?}", self.sent(), failures.len(), self.slowest())
    }
}

/// Keeps the connections busy while `during` runs, and says what came of it.
pub(crate) fn under_load(proxy: &Proxy, method: Method, during: impl FnOnce(&Load)) -> Load {
    let (load, address) = (Load::default(), proxy.address());
    let send = |number, running: &Running| keep_sending((address, method, number), &load, running);
    keep_busy(0..CONNECTIONS, send, || {
        load.wait_for_more(4 * CONNECTIONS);
        during(&load);
    });
    println!("{load}");
    load
}

fn keep_sending((address, method, number): (SocketAddr, Method, usize), load: &Load, running: &Running) {
    let mut client = None;
    for round in 0.. {
        if !running.goes_on() {
            return;
        }
        let began = Instant::now();
        let open = client.get_or_insert_with(|| Client::connect(address));
        let response = send(open, method, &format!("{number}-{round}"));
        let failure = match &response {
            Ok(Some(response)) if response.status() == 200 && response.whole => None,
            Ok(Some(response)) => Some(format!(
                "{} {}{}",
                response.status(),
                response.error_label().unwrap_or_default(),
                if response.whole { "" } else { " cut off" }
            )),
            Ok(None) => Some("closed".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        load.note(began.elapsed(), failure);
        let goes_on = |response: &Response| response.whole && response.header("connection") != Some("close");
        if !matches!(&response, Ok(Some(response)) if goes_on(response)) {
            client = None;
        }
        sleep(PACE);
    }
}

fn send(client: &mut Client, method: Method, id: &str) -> std::io::Result<Option<Response>> {
    match method {
        Method::Get => {
            client.try_send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")?;
            client.try_response("GET")
        }
        Method::Post => {
            let length = id.len();
            client
                .try_send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{id}"))?;
            client.try_response("POST")
        }
    }
}
