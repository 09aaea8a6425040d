//! What the policies promise, over real sockets and two workers.

mod eligibility;
mod in_c;
mod in_other_languages;
mod ip_hash;
mod least_conn;
mod many_instances;
mod observe;
mod protocol;
mod round_robin;

use harness::{Backend, Client, Proxy};

/// A proxy with one pool of these backends, named b0, b1 and so on; each with more keys, such as `weight = 5`.
fn proxy(policy: &str, backends: &[(&Backend, &str)], listener: &str) -> Proxy {
    Proxy::start(&format!(
        "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n{listener}\n[pool.test]\npolicy = {policy}\n{}\n",
        list(backends)
    ))
}

/// The key `backends` of a pool.
fn list(backends: &[(&Backend, &str)]) -> String {
    let tables = backends.iter().enumerate().map(|(place, (backend, more))| {
        let comma = if more.is_empty() { "" } else { ", " };
        format!("{{ name = \"b{place}\", address = \"{}\"{comma}{more} }}", backend.address())
    });
    format!("backends = [{}]", tables.collect::<Vec<_>>().join(", "))
}

/// The backends that answered a number of requests on this connection.
fn answers(client: &mut Client, count: usize) -> String {
    (0..count).map(|_| client.get("/").text()).collect()
}

/// How often each of these names is among the answers.
fn tally<const N: usize>(answers: &str, names: [char; N]) -> [usize; N] {
    names.map(|name| answers.matches(name).count())
}

/// Random numbers for a test, which prints the seed so that a failure can be run again.
struct Dice(u64);

impl Dice {
    /// Seeded by the time, or by `POINTSMAN_TEST_SEED`.
    fn new() -> Self {
        let given = std::env::var("POINTSMAN_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(1, |now| now.as_nanos() as u64)
        });
        println!("POINTSMAN_TEST_SEED={seed}");
        Self(seed)
    }

    /// A number below `end`. SplitMix64.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % end as u64) as usize
    }
}
