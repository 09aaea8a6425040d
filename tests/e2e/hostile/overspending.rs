//! Policies that take more of their worker's time than their share.

use std::time::{Duration, Instant};

use harness::{Backend, Proxy, choose, guest, sleep};

/// How long their CPU time is watched.
const WATCHED: Duration = Duration::from_secs(3);

/// CPU time of the process so far, all threads.
fn cpu_time(proxy: &Proxy) -> Duration {
    let stat = proxy.system_file("stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn ticks_that_take_too_long_come_less_often_and_are_a_fault_in_the_end() {
    // Every 10 ms, about 2 ms: a fifth of a worker. A product of the last one takes three cycles of about every CPU; a loop that only
    // counts takes one or two, which is too little where they are short.
    let busy = guest(&format!(
        r#"(global $product (mut i64) (i64.const 3))
           (func (export "pointsman_init") (result i32) (call $tick_every (i32.const 10)) (i32.const 0))
           (func (export "pointsman_tick") (local $n i32) (local $product i64)
               (local.set $n (i32.const 2000000))
               (local.set $product (global.get $product))
               (loop $l
                   (local.set $product (i64.mul (local.get $product) (i64.const 6364136223846793005)))
                   (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
               (global.set $product (local.get $product)))
           (func (export "pointsman_pick") (result i64) {})"#,
        choose(0)
    ));
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("busy.wasm"), busy).expect("a plugin");
    let backend = Backend::named("a");
    let config = format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\npool = \"test\"\n\
         [pool.test]\npolicy = {{ file = \"busy.wasm\" }}\nbackends = [\"{}\"]\n",
        backend.address()
    );
    let proxy = Proxy::start_in(directory, &config);
    let (began, before) = (Instant::now(), cpu_time(&proxy));
    // What it costs over a time is what is measured.
    sleep(WATCHED);
    let used = cpu_time(&proxy) - before;
    // 5 % of a worker, and what the process does beside.
    assert!(used < began.elapsed() / 10, "{used:?} in {:?}", began.elapsed());
    let line = proxy.log.wait_for("policy-faulted");
    for part in ["overspent in `tick`", "more than 5 % of the worker's time", "`tick_percent`"] {
        assert!(line.message().contains(part), "which limit it was: {line}");
    }
    assert_eq!(proxy.client().get("/").text(), "a");
}
