//! Concentrates requests: the first backend of the configuration that has room for one more.
//!
//! What is behind the last one that is needed stays idle, and can be taken away: by a scaler that removes what does nothing, or by
//! hand at night. HAProxy calls it `first`, too.
//!
//! A backend has room while it has fewer than `requests` in flight for each unit of its weight, over all workers, and isn't full. The weight
//! is the effective one, so that a backend in slow start is a small one; one with no weight at all serves if nothing else does. Where none
//! has room the least loaded for its weight is picked, of equals the first, so that what is too much is spread: `requests` says where the
//! next backend begins, and is no limit. A limit is the pool's `max_requests`, beyond which requests wait.
//!
//! Failures of the last 10 s count as if they were in flight: else one that fails at once always has room, and as the first gets everything.
//!
//! Configuration: `requests`, 1 to 1000000. There is no default: a policy can't see what a backend is fit for. A pick looks at the
//! backends that are in use, and at no others.

use pointsman_sdk::abi::WEIGHT_UNIT;
use pointsman_sdk::prelude::*;
use policy_parts::{Least, Load, eligible, recent_failures};
use serde::Deserialize;

/// The policy.
#[derive(Debug)]
pub struct First {
    /// In flight per unit of weight.
    requests: u64,
    /// Index and weight of what may be picked, in the order of the configuration.
    backends: Vec<(usize, u32)>,
}

/// `policy.config`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    requests: Option<u32>,
}

impl Policy for First {
    type Config = Config;
    const STATE: &'static str = "first 1";

    fn new(config: Config, backends: &Backends) -> Result<Self, Error> {
        match config.requests {
            None => Err(Error::from(
                "policy.config.requests: missing; set how many requests a backend of weight 1 may have in flight before the next backend gets some, such as 100",
            )),
            Some(requests @ 1..=1_000_000) => {
                Ok(Self { requests: requests.into(), backends: eligible(backends) })
            }
            Some(_) => Err("policy.config.requests: must be 1 to 1000000".into()),
        }
    }

    fn topology(&mut self, backends: &Backends) {
        self.backends = eligible(backends);
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let load = |index| {
            let in_flight = backends.stat(Stat::InFlight, index).min(1 << 32);
            in_flight + recent_failures(backends, index).min(1 << 32)
        };
        let usable = |index| !request.tried(index) && !backends.flags(index).full();
        let first = self.backends.iter().find(|(index, weight)| {
            let room = self.requests * u64::from(*weight);
            load(*index) * u64::from(WEIGHT_UNIT) < room && usable(*index)
        });
        if let Some((index, _)) = first {
            return Verdict::Backend(*index);
        }
        let mut least = Least::default();
        for (index, weight) in self.backends.iter().filter(|(index, _)| usable(*index)) {
            least.offer(*index, Load::new(load(*index), *weight));
        }
        // Those that are full, too: the host knows what to do with a request that finds no place.
        least.index().or_else(|| backends.indexes().find(|index| may_serve(*index, request, backends))).into()
    }
}

fn may_serve(index: usize, request: &Request, backends: &Backends) -> bool {
    backends.eligible(index) && !request.tried(index)
}

export_policy!(First);
