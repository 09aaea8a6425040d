//! Which backend a key of the policy's own belongs to.

use std::fmt;

use crate::{Backends, Flags, Request};

/// Weighted rendezvous hashing: each key belongs to one backend, and when that backend leaves, only its keys move.
///
/// They go to the others in proportion to the configured weights, and come back when the backend returns. Neither the order of the
/// configuration nor slow start matters, and all workers and proxies whose pools have the same names and weights agree. Make a new one
/// in [`Policy::topology`](crate::Policy::topology). For a part of the request that the host can hash, the bundled `ip-hash` shows a
/// table that takes the same time for any number of backends; this one looks at all of them.
///
/// ```
/// use pointsman_sdk::Rendezvous;
/// use pointsman_sdk::testing::{TestHost, TestRequest};
///
/// let host = TestHost::of(5);
/// let owner = |key| host.ask(&TestRequest::new(), |request, backends| {
///     Rendezvous::new(backends).pick(key, request).map(|index| backends.name(index))
/// });
/// let (before, other) = (owner("standup").unwrap(), owner("retro"));
/// host.at(&before).healthy(false);
/// assert!(owner("standup").is_some_and(|owner| owner != before));
/// host.at(&before).healthy(true);
/// assert_eq!((owner("standup"), owner("retro")), (Some(before), other));
/// ```
#[derive(Default)]
pub struct Rendezvous {
    members: Vec<Member>,
}

struct Member {
    key: u64,
    weight: f64,
    flags: Flags,
}

impl Rendezvous {
    /// For the backends as they are now.
    #[must_use]
    pub fn new(backends: &Backends) -> Self {
        let member = |index| Member {
            key: fnv1a(&backends.name(index)),
            weight: backends.configured_weight(index).into(),
            flags: backends.flags(index),
        };
        Self { members: backends.indexes().map(member).collect() }
    }

    /// The backend of this key, or where that one isn't eligible or was tried by the request, the next that is and wasn't.
    #[must_use]
    pub fn pick(&self, key: &str, request: &Request) -> Option<usize> {
        let key = fnv1a(key);
        let usable = |(index, member): &(usize, &Member)| {
            member.flags.eligible() && member.weight > 0.0 && !request.tried(*index)
        };
        let scored = self.members.iter().enumerate().filter(usable);
        let scored = scored.map(|(index, member)| (index, member.score(key)));
        scored.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(index, _)| index)
    }
}

impl Member {
    /// An exponential random number made from the two keys, divided by the weight: the least of those falls to each backend in
    /// proportion to its weight.
    fn score(&self, key: u64) -> f64 {
        // 53 bits are what a number has room for; the half keeps it off 0, which has no logarithm.
        let uniform = ((mixed(self.key ^ key) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        -uniform.ln() / self.weight
    }
}

impl fmt::Debug for Rendezvous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendezvous").field("backends", &self.members.len()).finish()
    }
}

fn fnv1a(text: &str) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Other 64 bits, as if at random, never the same for two (the last steps of SplitMix64).
fn mixed(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestHost, TestRequest};

    const KEYS: usize = 6_000;

    /// The backend of each key, by name.
    fn owners(host: &TestHost) -> Vec<String> {
        host.ask(&TestRequest::new(), |request, backends| {
            let rendezvous = Rendezvous::new(backends);
            let owner = |key| rendezvous.pick(&format!("key {key}"), request).expect("a backend");
            (0..KEYS).map(|key| backends.name(owner(key))).collect()
        })
    }

    fn share(owners: &[String], name: &str) -> f64 {
        owners.iter().filter(|owner| *owner == name).count() as f64 / owners.len() as f64
    }

    #[test]
    fn shares_follow_configured_weights() {
        let host = TestHost::new().backend("a").backend("b").weight(2).backend("c").weight(3);
        host.at("c").slow_start(1);
        let owners = owners(&host);
        for (name, expected) in [("a", 1.0 / 6.0), ("b", 2.0 / 6.0), ("c", 3.0 / 6.0)] {
            assert!((share(&owners, name) - expected).abs() < 0.02, "{name}: {}", share(&owners, name));
        }
    }

    #[test]
    fn only_keys_of_a_backend_that_leaves_move_and_they_spread() {
        let host = TestHost::of(5);
        let before = owners(&host);
        host.reverse();
        assert_eq!(owners(&host), before, "the order matters");
        host.remove("b3");
        let after = owners(&host);
        let mut moved = Vec::new();
        for (was, is) in before.iter().zip(after) {
            if was == "b3" {
                moved.push(is);
            } else {
                assert_eq!(*was, is);
            }
        }
        for name in ["b0", "b1", "b2", "b4"] {
            assert!((share(&moved, name) - 0.25).abs() < 0.05, "{name}: {}", share(&moved, name));
        }
    }

    #[test]
    fn what_may_not_be_picked_is_not() {
        let host = TestHost::new().backend("a").backend("b").weight(0).backend("c");
        host.at("c").draining(true);
        let pick = |request: &TestRequest| {
            host.ask(request, |request, backends| Rendezvous::new(backends).pick("", request))
        };
        assert_eq!(pick(&TestRequest::new()), Some(0));
        assert_eq!(pick(&TestRequest::new().tried("a")), None);
        TestHost::new().ask(&TestRequest::new(), |request, backends| {
            assert_eq!(Rendezvous::new(backends).pick("key", request), None);
        });
    }
}
