//! What decides whether a backend gets requests: health checks, ejection, panic, slow start.

mod backups;
mod checks;
mod ejection;
mod initial;
mod panic;
mod slow_start;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Backend, Client, Exchange};

/// A check that is done often, by a request for `/health`, beside no ejection.
const CHECK: &str = "health_check = { type = \"http\", path = \"/health\", interval = \"1s\", \
                     fast_interval = \"100ms\" }\nejection = { enabled = false }\n";

/// Whether a backend says that it is well.
#[derive(Clone)]
struct Wellness(Arc<AtomicBool>);

impl Wellness {
    fn good() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    fn set(&self, well: bool) {
        self.0.store(well, Ordering::SeqCst);
    }

    /// Answers a check by what is set, and everything else by this name.
    fn answer(&self, exchange: &mut Exchange<'_>, name: &str) {
        let well = self.0.load(Ordering::SeqCst);
        if exchange.request.target() == "/health" && !well {
            exchange.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        } else {
            exchange.respond(name);
        }
    }

    /// A backend that serves, whatever it says of its health.
    fn backend(&self, name: &str) -> Backend {
        let (wellness, name) = (self.clone(), name.to_owned());
        Backend::start(move |exchange| wellness.answer(exchange, &name))
    }
}

/// What a number of requests on this connection got: the body of a 200, and a `!` for every other status.
fn served(client: &mut Client, count: usize) -> String {
    let body = |_| {
        let response = client.get("/");
        if response.status() == 200 { response.text() } else { "!".to_owned() }
    };
    (0..count).map(body).collect()
}

/// How many of the requests were served under this name.
fn share(served: &str, name: char) -> usize {
    served.matches(name).count()
}
