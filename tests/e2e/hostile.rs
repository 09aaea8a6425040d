//! Plugins that do everything wrong: what gets past admission costs no request, what doesn't is refused with a reason.

mod compile_bombs;
mod overspending;
mod refused;
mod served;
mod turning_bad;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Backend, Proxy, choose, guest, wait_until};

/// Requests to the other pool while a policy is provoked.
const NEIGHBOURS: usize = 40;

/// Requests that provoke a policy, at the least, on each connection.
const LEAST_ROUNDS: usize = 10;

/// A guest that runs this code in each pick of a request with the header `x-mood`, and otherwise chooses backend 2.
///
/// Admission never sends the header, so what it leads to is met by real requests only.
fn moody(fields: &str, code: &str) -> Vec<u8> {
    let calm = choose(2);
    guest(&format!(
        r#"(data (i32.const 0) "x-mood") (data (i32.const 16) "so this is the end")
        (func $is_moody (result i32)
            (i32.ge_s (call $header (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 16)) (i32.const 0)))
        {fields}
        (func (export "pointsman_pick") (result i64) (local $n i32)
            (if (call $is_moody) (then {code}))
            {calm})"#
    ))
}

/// A proxy with a pool of this policy, and another one at `/good/` whose policy is sound.
struct Scene {
    proxy: Proxy,
    _backends: [Backend; 4],
}

impl Scene {
    fn new(policy: &[u8]) -> Self {
        Self::with(policy, "")
    }

    /// The same, with more keys of the policy.
    fn with(policy: &[u8], more: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("bad.wasm"), policy).expect("a plugin");
        std::fs::write(directory.path().join("good.wasm"), moody("", "")).expect("a plugin");
        let backends = ["0", "1", "2", "draining"].map(Backend::named);
        let [a, b, c, d] = backends.each_ref().map(Backend::address);
        let list =
            format!("backends = [\"{a}\", \"{b}\", \"{c}\", {{ address = \"{d}\", draining = true }}]");
        let config = format!(
            "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
             [[route]]\npath = \"/good/\"\npool = \"good\"\n[[route]]\npool = \"test\"\n\
             [pool.test]\npolicy = {{ file = \"bad.wasm\"{more} }}\n{list}\n\
             [pool.good]\npolicy = {{ file = \"good.wasm\" }}\n{list}\n"
        );
        Self { proxy: Proxy::start_in(directory, &config), _backends: backends }
    }

    /// Sends requests that provoke the policy over connections of both workers. All are served. Those of the other pool,
    /// which share the workers, are answered by its policy, and about as fast as before.
    fn provoke(&self, case: &str) {
        let calm = self.ask(case, "");
        let provoked = self.ask(case, "X-Mood: bad\r\n");
        // Others use this machine, and so do other cases; a worker that stands still shows all the same.
        for (place, allowance) in [(NEIGHBOURS / 2, 200), (NEIGHBOURS * 9 / 10, 600)] {
            let allowed = 10 * calm[place] + Duration::from_millis(allowance);
            assert!(
                provoked[place] <= allowed,
                "{case}: the other pool slowed down: {calm:?} to {provoked:?}"
            );
        }
    }

    /// Sends requests with these headers, and beside them requests to the other pool; answers how long the latter took,
    /// the fastest first.
    fn ask(&self, case: &str, headers: &str) -> Vec<Duration> {
        /// Ends the requests beside it also when one to the other pool fails.
        struct Done<'a>(&'a AtomicBool);

        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }

        let done = AtomicBool::new(false);
        thread::scope(|threads| {
            let _done = Done(&done);
            for _ in 0..2 {
                threads.spawn(|| {
                    let mut clients = [self.proxy.client(), self.proxy.client()];
                    for round in 0.. {
                        if round >= LEAST_ROUNDS && done.load(Ordering::Relaxed) {
                            break;
                        }
                        for client in &mut clients {
                            let response = client.get_with("/", headers);
                            let is_served = response.status() == 200
                                && ["0", "1", "2"].contains(&response.text().as_str());
                            assert!(is_served, "{case}, round {round}: {response:?}");
                        }
                    }
                });
            }
            let mut clients: Vec<_> = (0..4).map(|_| self.proxy.client()).collect();
            let mut times: Vec<Duration> = (0..NEIGHBOURS)
                .map(|number| {
                    let began = Instant::now();
                    let response = clients[number % 4].get_with("/good/", headers);
                    let time = began.elapsed();
                    assert_eq!(response.text(), "2", "{case}: the other pool, request {number}");
                    time
                })
                .collect();
            times.sort();
            times
        })
    }

    /// Waits until the policy chooses again on both workers: the fallback would spread requests.
    fn wait_for_recovery(&self, case: &str) {
        for _ in 0..4 {
            let mut client = self.proxy.client();
            let mut row = 0;
            wait_until(&format!("{case}: the policy is back"), || {
                let response = client.get("/");
                assert_eq!(response.status(), 200, "{case}: {response:?}");
                row = if response.text() == "2" { row + 1 } else { 0 };
                row == 20
            });
        }
    }

    /// Waits until this fault of the pool is logged.
    fn wait_for_fault(&self, fault: &str) {
        // Which fault it is stands in the message.
        let expected = format!("policy fault: {fault}");
        let line = self.proxy.log.wait_where("policy-faulted", |line| line.message().contains(&expected));
        assert!(line.level() == "ERROR" && line.field("pool") == Some("test"), "{line}");
        assert!(line.message().ends_with("; the fallback picks"), "{line}");
    }

    /// That the other pool had no fault.
    fn assert_good_pool_is_untouched(&self) {
        let faults = self.proxy.log.events("policy-faulted");
        assert!(faults.iter().all(|line| line.field("pool") != Some("good")), "{faults:#?}");
    }
}
