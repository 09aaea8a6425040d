//! Plugins that do everything wrong: what gets past admission costs no request, what doesn't is refused with a reason.

mod refused;
mod served;
mod turning_bad;

use crate::harness::{Backend, Proxy, choose, guest, wait_until};

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
             [pool.test]\npolicy = {{ file = \"bad.wasm\" }}\n{list}\n\
             [pool.good]\npolicy = {{ file = \"good.wasm\" }}\n{list}\n"
        );
        Self { proxy: Proxy::start_in(directory, &config), _backends: backends }
    }

    /// Sends requests that provoke the policy over connections of both workers. All are served, and those of the other
    /// pool by its policy.
    fn provoke(&self, case: &str) {
        let mut clients: Vec<_> = (0..4).map(|_| self.proxy.client()).collect();
        for round in 0..10 {
            for client in &mut clients {
                let response = client.get_with("/", "X-Mood: bad\r\n");
                let is_served =
                    response.status() == 200 && ["0", "1", "2"].contains(&response.text().as_str());
                assert!(is_served, "{case}, round {round}: {response:?}");
                let response = client.get_with("/good/", "X-Mood: bad\r\n");
                assert_eq!(response.text(), "2", "{case}: the other pool, round {round}");
            }
        }
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
    fn wait_for_fault(&self, fault: &str) -> String {
        let line = self.proxy.wait_for_log(&format!("policy fault: {fault}"));
        assert!(line.contains("ERROR") && line.contains("; the fallback picks pool=\"test\""), "{line}");
        line
    }

    /// That the other pool had no fault.
    fn assert_good_pool_is_untouched(&self) {
        let faults = self.proxy.log_with("policy fault");
        assert!(faults.iter().all(|line| !line.contains("pool=\"good\"")), "{faults:#?}");
    }
}
