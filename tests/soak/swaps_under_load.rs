//! Swaps while 64 connections send requests: none fails, and no worker stands still for one.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use harness::{Backend, Client, Running, constant, keep_busy, revised, wait_until};
use pointsman::app::{App, StartOptions};
use pointsman::config::Config;
use pointsman_policy::VersionId;

use crate::measured::{alone, quantile};

const CONNECTIONS: usize = 64;

/// What a client has seen.
#[derive(Debug, Default)]
struct Served {
    /// Requests by the backend that served them.
    by: [usize; 3],
    times: Vec<Duration>,
}

/// Sends requests until it is told to stop. Each one is served whole.
fn send(mut client: Client, running: &Running) -> Served {
    let mut served = Served::default();
    while running.goes_on() {
        let began = Instant::now();
        let response = client.get("/");
        served.times.push(began.elapsed());
        assert!(response.status() == 200 && response.whole, "{response:?}");
        served.by[response.text().parse::<usize>().expect("a backend's number")] += 1;
    }
    served
}

/// Keeps connections busy while `change` runs.
fn under_load(app: &App, change: impl FnOnce()) -> Served {
    let clients: Vec<Client> =
        (0..CONNECTIONS).map(|_| Client::connect(app.listeners()[0].ends_at())).collect();
    let (served, ()) = keep_busy(clients, send, change);
    served.into_iter().fold(Served::default(), |mut all, served| {
        all.by = [0, 1, 2].map(|backend| all.by[backend] + served.by[backend]);
        all.times.extend(served.times);
        all
    })
}

/// Replaces the plugin and waits until that is published; answers how long it took.
fn swap(app: &App, file: &Path, content: &[u8]) -> Duration {
    let next = file.with_extension("next");
    fs::write(&next, content).expect("a file beside it");
    let began = Instant::now();
    fs::rename(next, file).expect("the file is replaced");
    app.scan_files();
    let to = VersionId::of(content);
    wait_until("the swap", || app.slots()[0].active().version.id == to);
    began.elapsed()
}

/// Most CPU time that a swap may take on a worker. Any policy takes longer to compile in a debug
/// build; and a worker that was only descheduled, as on a busy machine, doesn't count.
const STALL: Duration = Duration::from_millis(5);

fn check(swaps: u32) {
    let _alone = alone();
    let backends = ["0", "1", "2"].map(Backend::named);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("p.wasm");
    let versions = [constant(0, 0), constant(1, 0)];
    fs::write(&file, &versions[0]).expect("a plugin");
    let list = backends.each_ref().map(|backend| format!("\"{}\"", backend.address())).join(", ");
    let text = format!(
        "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\nkeepalive_requests = 1000000000\n\
         [pool.test]\npolicy = {{ file = \"p.wasm\" }}\nbackends = [{list}]\n"
    );
    let path = directory.path().join("pointsman.toml");
    fs::write(&path, text).expect("a configuration file");
    let config = Config::load(&path).expect("a good configuration");
    let app = App::start(config, &path, StartOptions::default()).expect("the proxy starts");

    let mut calm = under_load(&app, || {
        let requests = || backends.iter().map(Backend::count).sum::<usize>();
        wait_until("a while without swaps is over", || requests() >= 50 * swaps as usize);
    });
    let mut swap_times = Vec::new();
    let mut served = under_load(&app, || {
        swap_times.extend((1..=swaps).map(|number| {
            // Each content is new, so each one is compiled.
            swap(&app, &file, &revised(&versions[number as usize % 2], number))
        }));
    });

    let slot = app.slots().remove(0);
    let stats = slot.stats();
    println!(
        "{swaps} swaps: {} requests, by backend {:?}; slowest {:?}, p99 {:?}, median {:?}; \
         without swaps slowest {:?}, p99 {:?}, median {:?}; longest adoption {:?}; \
         swap median {:?}, p99 {:?}, slowest {:?}",
        served.times.len(),
        served.by,
        quantile(&mut served.times, 1.0),
        quantile(&mut served.times, 0.99),
        quantile(&mut served.times, 0.5),
        quantile(&mut calm.times, 1.0),
        quantile(&mut calm.times, 0.99),
        quantile(&mut calm.times, 0.5),
        stats.longest_adoption(),
        quantile(&mut swap_times, 0.5),
        quantile(&mut swap_times, 0.99),
        quantile(&mut swap_times, 1.0),
    );
    assert_eq!(
        app.slots()[0].active().publication.get(),
        u64::from(swaps) + 1,
        "one publication for each swap"
    );
    assert!(
        served.by[0] > 0 && served.by[1] > 0 && served.by[2] == 0,
        "both versions, and never the fallback: {:?}",
        served.by
    );
    assert_eq!((stats.all_faults(), stats.fallback_picks(), stats.rebuilds()), (0, 0, 0));
    let longest = stats.longest_adoption();
    assert!(longest > Duration::ZERO && longest < STALL, "a worker spent {longest:?} on a swap");
    app.join().expect("the workers end");
}

#[test]
fn a_hundred_swaps_fail_no_request_and_stall_no_worker() {
    check(100);
}

#[test]
#[ignore = "takes two minutes: the same with 1,000 swaps"]
fn a_thousand_swaps_fail_no_request_and_stall_no_worker() {
    check(1_000);
}
