//! A part of the backends for each of many proxies.
//!
//! Where many proxies share many backends, each sees only its own requests: two of a hundred proxies that find the same backend idle
//! both use it, and the more proxies there are, the less the choice is better than chance. And each has connections to each. Here a proxy has
//! a slice of the backends, of whose requests it sees a large part, and all slices together have each backend alike: backends at the
//! ends of a slice get what of them is in it. In the slice a request gets the less loaded of two random backends, by weight and by what is
//! in the slice.
//!
//! That is Finagle's deterministic aperture. All proxies order backends by the hashes of their names, whatever their health, so that they
//! agree without asking each other. With one proxy more or less a slice gains and loses at most two of as many parts as there are proxies.
//!
//! A slice of which less than half is eligible isn't used: then any two of the pool are drawn, as are those of a request that has tried the
//! whole slice. Backups belong to no slice. Where weights differ a slice may have more than another, and then backends of the same weight
//! don't get quite the same.
//!
//! Configuration: `proxy`, the number of this one, from 0 on, and `proxies`, how many there are. Both are required, as a policy can't
//! see where it runs. `aperture`, how many backends a slice has at least (12). A pick takes the same time for any number of backends.

mod slice;

use pointsman_sdk::prelude::*;
use policy_parts::{Candidates, members};
use serde::Deserialize;
use slice::Slice;

/// Draws in the slice.
const CHOICES: usize = 2;

/// The policy.
#[derive(Debug)]
pub struct Aperture {
    slice: Slice,
    /// What is eligible of the slice; none where that is too little.
    near: Candidates,
    /// All that is eligible.
    anywhere: Candidates,
}

/// `policy.config`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    proxy: Option<u32>,
    proxies: Option<u32>,
    aperture: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { proxy: None, proxies: None, aperture: 12 }
    }
}

impl Policy for Aperture {
    type Config = Config;
    const STATE: &'static str = "aperture 1";

    fn new(config: Config, backends: &Backends) -> Result<Self, Error> {
        let Some(proxies) = config.proxies else {
            return Err("policy.config.proxies: missing; set how many proxies share the backends".into());
        };
        let Some(proxy) = config.proxy else {
            return Err("policy.config.proxy: missing; set the number of this proxy, from 0 on".into());
        };
        if proxy >= proxies {
            return Err(
                "policy.config.proxy: must be less than `proxies`: they are numbered from 0 on".into()
            );
        }
        if config.aperture == 0 {
            return Err("policy.config.aperture: must be 1 or more".into());
        }
        let slice = Slice { proxy, proxies, aperture: config.aperture };
        let mut policy = Self { slice, near: Candidates::default(), anywhere: Candidates::default() };
        policy.topology(backends);
        Ok(policy)
    }

    fn topology(&mut self, backends: &Backends) {
        self.anywhere = Candidates::eligible(backends);
        self.near = Candidates::new(&eligible_of(&self.slice, backends));
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let near = self.near.least_loaded_of(CHOICES, request, backends);
        near.or_else(|| self.anywhere.least_loaded_of(CHOICES, request, backends)).into()
    }
}

/// What is eligible of a slice: index, and weight times overlap. None, if that is less than half of it.
fn eligible_of(slice: &Slice, backends: &Backends) -> Vec<(usize, u32)> {
    let mut ring = Vec::new();
    for member in members(backends) {
        let index = member.index as usize;
        if !backends.flags(index).backup() {
            ring.push(index);
        }
    }
    let len = ring.len() as u32;
    let (mut weights, mut left, mut greatest) = (Vec::new(), 0, 0);
    for (place, index) in (0..).zip(ring) {
        let overlap = slice.overlap(place, len);
        if overlap > 0 && backends.eligible(index) {
            let weight = overlap * u64::from(backends.weight(index));
            weights.push((index, weight));
            left += overlap;
            greatest = weight.max(greatest);
        }
    }
    let mut eligible = Vec::new();
    if 2 * left >= slice.length(len) {
        // All in 32 bits.
        let shift = 32_u32.saturating_sub(greatest.leading_zeros());
        for (index, weight) in weights {
            eligible.push((index, (weight >> shift) as u32));
        }
    }
    eligible
}

export_policy!(Aperture);
