//! Reloads that no request notices.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Backend, Client, Running, keep_busy};
use pointsman::app::{App, StartOptions};
use pointsman::config::Config;
use pointsman::control::change::Reload;
use pointsman_core::backend::BackendStats;

const CONNECTIONS: usize = 64;

/// Six backends, three for each of two services; each answers with the name of its service.
struct Scene {
    a: [Backend; 3],
    b: [Backend; 3],
}

/// What one connection has seen.
#[derive(Default)]
struct Seen {
    sent: u64,
    slowest: Duration,
}

impl Scene {
    /// The configuration at a step. From each to the next, pools change their names and backends, and weights, limits,
    /// policies and routes change with them; but `/a` is always for the one service and `/b` for the other.
    fn config(&self, step: usize) -> String {
        // At every second step the names of the pools change places. Every fifth, one of them is another name.
        let names = if step.is_multiple_of(2) { ["x", "y"] } else { ["y", "x"] };
        let names = if step % 5 == 4 { [names[0], "z"] } else { names };
        let mut text =
            "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\nkeepalive_requests = 1000000000\n"
                .to_owned();
        let routes = [("/a", names[0]), ("/b", names[1])];
        for (path, pool) in if step.is_multiple_of(3) { [routes[1], routes[0]] } else { routes } {
            text += &format!("[[route]]\npath = \"{path}\"\npool = \"{pool}\"\n");
            if step % 7 == 3 {
                // Its table for the 1,000 backends of the admission takes CPU time, and more of it on a busy machine.
                text += "policy = { name = \"ip-hash\", deadline = \"50ms\" }\n";
            }
        }
        for (name, service) in names.into_iter().zip([&self.a, &self.b]) {
            let policy = ["round-robin", "least-conn", "peak-ewma"][step / 4 % 3];
            text += &format!("[pool.{name}]\npolicy = \"{policy}\"\nidle_connections = {}\n", 10 + step % 3);
            let backends = service.iter().enumerate().filter(|(place, _)| step * (place + 1) % 5 != 3);
            let backends: Vec<String> = backends
                .map(|(place, backend)| {
                    let (address, weight) = (backend.address(), 1 + (step + place) % 4);
                    format!("{{ name = \"b{place}\", address = \"{address}\", weight = {weight} }}")
                })
                .collect();
            text += &format!("backends = [{}]\n", backends.join(", "));
        }
        text
    }
}

/// Sends requests until it is told to stop. Each one is answered, by a backend of the service that it is for.
fn send(address: SocketAddr, running: &Running) -> Seen {
    let mut client = Client::connect(address);
    let mut seen = Seen::default();
    while running.goes_on() {
        for service in ["a", "b"] {
            let began = Instant::now();
            let response = client.get(&format!("/{service}"));
            assert!(response.status() == 200 && response.whole, "{response:?}");
            assert_eq!(response.text(), service, "a request sees one configuration");
            assert_eq!(response.header("connection"), None);
            seen.slowest = seen.slowest.max(began.elapsed());
            seen.sent += 1;
        }
    }
    seen
}

/// Everything that is counted of any backend of this moment.
fn collect(app: &App, all: &mut HashMap<*const BackendStats, Arc<BackendStats>>) {
    for slot in app.slots() {
        let topology = slot.pool().topology();
        all.extend(topology.stats().iter().map(|stats| (Arc::as_ptr(stats), Arc::clone(stats))));
    }
}

fn reload(app: &App) -> Reload {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(app.reload()).expect("an answer")
}

fn write(file: &Path, text: &str) {
    let next = file.with_extension("next");
    std::fs::write(&next, text).expect("a file beside it");
    std::fs::rename(next, file).expect("the file is replaced");
}

fn reloads_under_load(reloads: usize) {
    let service = |name: &str| [(); 3].map(|()| Backend::named(name));
    let scene = Scene { a: service("a"), b: service("b") };
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("pointsman.toml");
    write(&file, &scene.config(0));
    let config = Config::load(&file).expect("a configuration");
    let app = App::start(config, &file, StartOptions::default()).expect("it starts");
    let address = app.listeners()[0].ends_at();
    let mut all = HashMap::new();
    let began = Instant::now();
    let during = || {
        for step in 1..=reloads {
            write(&file, &scene.config(step));
            // An event may have brought the thread here first.
            let reload = reload(&app);
            assert!(matches!(reload, Reload::Done(_) | Reload::Unchanged), "step {step}: {reload:?}");
            assert_eq!(app.configuration().generation.0, step as u64 + 1, "step {step}");
            collect(&app, &mut all);
        }
    };
    let (seen, ()) = keep_busy(0..CONNECTIONS, |_, running| send(address, running), during);
    let seen = seen.into_iter().fold(Seen::default(), |sum, seen| Seen {
        sent: sum.sent + seen.sent,
        slowest: sum.slowest.max(seen.slowest),
    });
    println!(
        "{reloads} reloads in {:?}: {} requests, slowest {:?}",
        began.elapsed(),
        seen.sent,
        seen.slowest
    );
    drop(app.join());
    assert!(all.values().all(|stats| stats.in_flight() == 0), "{all:#?}");
    let at_backends: usize = scene.a.iter().chain(&scene.b).map(Backend::count).sum();
    assert_eq!(at_backends as u64, seen.sent, "none is sent twice");
}

#[test]
fn thirty_reloads_under_64_connections_fail_no_request() {
    reloads_under_load(30);
}

#[test]
#[ignore = "takes a minute: the same for longer"]
fn two_hundred_reloads_under_64_connections_fail_no_request() {
    reloads_under_load(200);
}
