//! What slices are for: queues of backends that many proxies share, in virtual time.

use aperture::Aperture;
use pointsman_sdk::Stat;
use pointsman_sdk::testing::{TestHost, TestPolicy, TestRequest};
use serde_json::json;
use std::collections::VecDeque;

const BACKENDS: usize = 100;
const LOAD: f64 = 0.9;

/// Exponential random numbers with the mean 1.
struct Exponential(u64);

impl Exponential {
    fn next(&mut self) -> f64 {
        self.0 = policy_parts::mix(self.0);
        -(((self.0 >> 11) as f64 + 0.5) / 2_f64.powi(53)).ln()
    }
}

/// A proxy with its own policy, which knows its own requests only.
struct Proxy {
    host: TestHost,
    policy: TestPolicy<Aperture>,
    in_flight: Vec<u64>,
}

impl Proxy {
    fn new(config: serde_json::Value, seed: u64) -> Self {
        let host = TestHost::of(BACKENDS).config(config).seed(seed);
        let policy = host.policy().expect("a good configuration");
        Self { host, policy, in_flight: vec![0; BACKENDS] }
    }

    fn count(&mut self, backend: usize, change: i64) {
        self.in_flight[backend] = self.in_flight[backend].strict_add_signed(change);
        self.host.at(&format!("b{backend}")).stat(Stat::InFlight, self.in_flight[backend]);
    }
}

/// Mean time that a request takes, where the mean work is 1, requests come at random, and to each proxy as many.
fn mean_time(mut proxies: Vec<Proxy>, seed: u64) -> f64 {
    let (mut gaps, mut works) = (Exponential(seed), Exponential(!seed));
    // Of each backend, which serves one after the other: when each of its requests is through, and whose it is.
    let mut backends = vec![VecDeque::<(f64, usize)>::new(); BACKENDS];
    let (mut now, mut total, mut counted) = (0.0, 0.0, 0_u32);
    for number in 0..60_000_u64 {
        now += gaps.next() / (LOAD * BACKENDS as f64);
        for (index, requests) in backends.iter_mut().enumerate() {
            while let Some((_, proxy)) = requests.pop_front_if(|(end, _)| *end <= now) {
                proxies[proxy].count(index, -1);
            }
        }
        let whose = (policy_parts::mix(number ^ seed) % proxies.len() as u64) as usize;
        let name = proxies[whose].policy.pick_name(&TestRequest::new());
        let index: usize = name[1..].parse().expect("a number");
        let begins = backends[index].back().map_or(now, |(end, _)| *end);
        let ends = begins + works.next();
        backends[index].push_back((ends, whose));
        proxies[whose].count(index, 1);
        // Until then queues grow to what they will be.
        if number >= 12_000 {
            total += ends - now;
            counted += 1;
        }
    }
    total / f64::from(counted)
}

/// Two choices make 2.659 of a hundred backends, and 2.980 of ten, where one proxy sees all of their requests. Eight proxies with slices
/// lie between, with twelve and a half backends each; where all eight choose among all backends it is 4.01.
#[test]
fn eight_proxies_with_slices_have_queues_nearly_as_short_as_one() {
    let seed = 3;
    let sliced = (0..8).map(|proxy| Proxy::new(json!({ "proxy": proxy, "proxies": 8 }), seed + proxy));
    let sliced = mean_time(sliced.collect(), seed);
    let everybodys = (0..8).map(|proxy| Proxy::new(json!({ "proxy": 0, "proxies": 1 }), seed + proxy));
    let everybodys = mean_time(everybodys.collect(), seed);
    assert!((2.6..3.2).contains(&sliced), "seed {seed}: {sliced}");
    assert!((3.6..4.4).contains(&everybodys), "seed {seed}: {everybodys}");
}
