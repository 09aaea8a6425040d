//! What a pick costs through the whole runtime, epochs on: every bundled policy, by number of backends, while another
//! thread changes the counters; and beside it the same policy compiled natively.
//!
//! `cargo bench -p pointsman --bench pick`

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pointsman::backend::Backend;
use pointsman::clock::Clock;
use pointsman::config::UpstreamLimits;
use pointsman::policy::{Cells, Pick, Picker, Plugin, PolicyLoader, PolicySettings};
use pointsman::pool::Pool;
use pointsman::request::RequestHead;
use pointsman_sdk::Policy;
use pointsman_sdk::testing::{TestHost, TestRequest};

const SIZES: [usize; 5] = [3, 10, 100, 1_000, 10_000];

/// Crossings from the guest to the host in one pick of [`CROSSING`].
const CROSSINGS: u32 = 1_000;

fn pool(backends: usize) -> Arc<Pool> {
    let backends = (0..backends).map(|number| {
        let [.., high, low] = number.to_be_bytes();
        Arc::new(Backend {
            name: format!("b{number}").into(),
            address: ([127, 0, high, low], 80).into(),
            weight: 1000,
            zone: "".into(),
            labels: [].into(),
            backup: false,
            draining: false,
            stats: Arc::default(),
        })
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

/// Changes the pool's counters from another thread for as long as it lives.
struct Noise {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Noise {
    fn start(pool: &Arc<Pool>) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (stopped, topology) = (Arc::clone(&stop), pool.topology());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // A busy proxy's rate: some hundred thousand changes a second.
                for backend in topology.backends().iter().take(16) {
                    backend.stats.begin();
                    backend.stats.end();
                }
                std::thread::yield_now();
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

fn wasm(criterion: &mut Criterion) {
    for policy in pointsman::policy::names() {
        let mut group = criterion.benchmark_group(policy);
        for size in SIZES {
            let pool = pool(size);
            let (_loader, mut picker) = picker(Plugin::bundled(policy).expect("a bundled policy"), &pool);
            let mut head = RequestHead::default();
            let _noise = Noise::start(&pool);
            group.bench_function(BenchmarkId::new("wasm", size), |bencher| {
                bencher.iter(|| assert!(matches!(black_box(picker.pick(&mut head)), Pick::Backend(_))));
            });
        }
    }
}

/// The native test host stands in for the runtime here, so this shows the policy's own work and that host's.
fn native_of<P: Policy>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group(name);
    for size in SIZES {
        let mut policy = TestHost::of(size).policy::<P>().expect("the default configuration");
        let request = TestRequest::new().client_ip([127, 0, 0, 1]);
        group.bench_function(BenchmarkId::new("native", size), |bencher| {
            bencher.iter(|| black_box(policy.pick(&request)));
        });
    }
}

fn native(criterion: &mut Criterion) {
    native_of::<round_robin::RoundRobin>(criterion, "round-robin");
    native_of::<least_conn::LeastConn>(criterion, "least-conn");
    native_of::<ip_hash::IpHash>(criterion, "ip-hash");
    native_of::<peak_ewma::PeakEwma>(criterion, "peak-ewma");
}

fn crossing(criterion: &mut Criterion) {
    let text = format!(
        r#"(module
            (import "pointsman_1.0" "stat" (func $stat (param i32 i32) (result i64)))
            (memory (export "memory") 1)
            (func (export "pointsman_init") (result i32) (i32.const 0))
            (func (export "pointsman_pick") (result i64) (local $left i32)
                (local.set $left (i32.const {CROSSINGS}))
                (loop $again
                    (drop (call $stat (i32.const 0) (i32.const 0)))
                    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
                (i64.const 0)))"#
    );
    let content = wat::parse_str(text).expect("a module");
    let (_loader, mut picker) = picker(Plugin::file("crossing.wasm".as_ref(), content), &pool(1));
    let mut head = RequestHead::default();
    criterion.bench_function("guest to host, each", |bencher| {
        bencher.iter_custom(|iterations| {
            let began = Instant::now();
            for _ in 0..iterations {
                black_box(picker.pick(&mut head));
            }
            began.elapsed() / CROSSINGS
        });
    });
}

criterion_group!(picks, wasm, native, crossing);
criterion_main!(picks);
