//! What a pick costs through the whole runtime, epochs on: bundled policies, by number of backends, while another
//! thread changes the counters at a busy proxy's rate; and beside it the same policy compiled natively, on the SDK's test host and on
//! one that costs next to nothing (the floor).
//!
//! `cargo bench -p pointsman --bench pick` measures for about a minute and prints a table at the end; a filter such as
//! `-- least-conn/wasm` measures less. Times are CPU time of the picking thread. `host/benches/RESULTS.md` holds what was
//! measured.

mod table;

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use criterion::Criterion;
use pointsman_core::backend::{Backend, BackendStats};
use pointsman_core::clock::Clock;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_core::request::RequestHead;
use pointsman_policy::{Cells, Pick, Picker, Plugin, PolicyLoader, PolicySettings};
use pointsman_sdk::testing::{FixedHost, TestHost, TestRequest};
use pointsman_sdk::{Policy, Stat};

use table::Table;

const SIZES: [usize; 5] = [3, 10, 100, 1_000, 10_000];

/// Crossings from the guest to the host in one pick of the policy that measures them.
const CROSSINGS: u32 = 1_000;

/// Requests in flight at a backend: none is idle, many are equal.
fn in_flight(backend: usize) -> usize {
    1 + backend * 7 % 5
}

fn pool(backends: usize) -> Arc<Pool> {
    let backends = (0..backends).map(|number| {
        let [.., high, low] = number.to_be_bytes();
        let stats = Arc::<BackendStats>::default();
        (0..in_flight(number)).for_each(|_| stats.begin());
        Arc::new(Backend { stats, ..Backend::new(format!("b{number}"), ([127, 0, high, low], 80)) })
    });
    Arc::new(Pool::new("bench", 0, &UpstreamLimits::default(), backends.collect()))
}

fn picker(plugin: Plugin, pool: &Arc<Pool>) -> (PolicyLoader, Picker) {
    let loader = PolicyLoader::start(Clock::start(), NonZeroUsize::MIN, 1).expect("an engine");
    let opened = loader
        .open(Arc::clone(pool), PolicySettings::default(), Arc::new(Cells::default()), plugin)
        .expect("a good plugin");
    (loader, opened.pickers.into_iter().next().expect("a picker"))
}

/// A request as a browser sends one.
fn request() -> RequestHead {
    let parts = http::Request::get("/v1/users?id=7")
        .header("host", "api.example.com")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header("accept", "*/*")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("cookie", "session=0123456789abcdef")
        .header("x-forwarded-for", "203.0.113.1")
        .body(())
        .expect("a request")
        .into_parts()
        .0;
    RequestHead::new(parts, [203, 0, 113, 1].into())
}

/// Changes the pool's counters from another thread for as long as it lives.
struct Noise {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Noise {
    /// Some hundred thousand changes a second, over all backends in turn.
    fn start(pool: &Arc<Pool>) -> Self {
        const BATCH: usize = 16;
        const PAUSE: Duration = Duration::from_micros(100);
        let stop = Arc::<AtomicBool>::default();
        let (stopped, topology) = (Arc::clone(&stop), pool.topology());
        let thread = std::thread::spawn(move || {
            let mut backends = topology.backends().iter().cycle();
            while !stopped.load(Ordering::Relaxed) {
                for backend in backends.by_ref().take(BATCH) {
                    backend.stats.begin();
                    backend.stats.end();
                }
                std::thread::sleep(PAUSE);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn wasm(criterion: &mut Criterion, table: &mut Table, policy: &str, size: usize) {
    let pool = pool(size);
    let (_loader, mut picker) = picker(Plugin::bundled(policy).expect("a bundled policy"), &pool);
    let mut head = request();
    let _noise = Noise::start(&pool);
    table.measure(criterion, policy, "wasm", size, 1, || {
        assert!(matches!(black_box(picker.pick(&mut head)), Pick::Backend(_)));
    });
}

/// The policy's own work and what it asks the SDK's test host, which stands in for the runtime.
fn native<P: Policy<Config: Default>>(
    criterion: &mut Criterion,
    table: &mut Table,
    policy: &str,
    size: usize,
) {
    let host = TestHost::of(size);
    for number in 0..size {
        host.at(&format!("b{number}")).stat(Stat::InFlight, in_flight(number) as u64);
    }
    host.ask(&TestRequest::new(), |request, backends| {
        let mut instance = P::new(P::Config::default(), backends).expect("the default configuration");
        table.measure(criterion, policy, "native", size, 1, || {
            black_box(instance.pick(request, backends));
        });
    });
}

/// The policy's own work over a host that costs next to nothing: no way of running it can be faster.
fn floor<P: Policy<Config: Default>>(
    criterion: &mut Criterion,
    table: &mut Table,
    policy: &str,
    size: usize,
) {
    FixedHost::new((0..size).map(|number| in_flight(number) as u64)).ask(|request, backends| {
        let mut instance = P::new(P::Config::default(), backends).expect("the default configuration");
        table.measure(criterion, policy, "floor", size, 1, || {
            black_box(instance.pick(request, backends));
        });
    });
}

fn both<P: Policy<Config: Default>>(criterion: &mut Criterion, table: &mut Table, policy: &str) {
    for size in SIZES {
        wasm(criterion, table, policy, size);
        native::<P>(criterion, table, policy, size);
        floor::<P>(criterion, table, policy, size);
    }
}

/// A call of an import by a guest, of which one pick makes very many; and the least that a pick can be: one such call.
fn crossing(criterion: &mut Criterion, table: &mut Table) {
    for (name, calls) in [("crossing", CROSSINGS), ("least pick", 1)] {
        let text = format!(
            r#"(module
                (import "pointsman_1.0" "tried" (func $tried (param i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "pointsman_init") (result i32) (i32.const 0))
                (func (export "pointsman_pick") (result i64) (local $left i32) (local $tried i32)
                    (local.set $left (i32.const {calls}))
                    (loop $again
                        (local.set $tried (call $tried (i32.const 0)))
                        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
                    (select (i64.const 0x1_0000_0000) (i64.const 0) (local.get $tried))))"#
        );
        let content = wat::parse_str(text).expect("a module");
        let (_loader, mut picker) = picker(Plugin::file("crossing.wasm".as_ref(), content), &pool(1));
        let mut head = request();
        table.measure(criterion, name, "wasm", 1, calls, || {
            assert!(matches!(black_box(picker.pick(&mut head)), Pick::Backend(_)));
        });
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .configure_from_args();
    let mut table = Table::default();
    let began = Instant::now();
    both::<round_robin::RoundRobin>(&mut criterion, &mut table, "round-robin");
    both::<ip_hash::IpHash>(&mut criterion, &mut table, "ip-hash");
    both::<least_conn::LeastConn>(&mut criterion, &mut table, "least-conn");
    both::<peak_ewma::PeakEwma>(&mut criterion, &mut table, "peak-ewma");
    both::<random::Random>(&mut criterion, &mut table, "random");
    crossing(&mut criterion, &mut table);
    criterion.final_summary();
    println!("{table}measured in {:.0?}", began.elapsed());
}
