//! Consistent hashing by a Maglev table, with bounded loads: requests with the same key reach the same backend.
//!
//! Each backend lists the 65,537 slots of a table in an order of its own, and they take turns in claiming the next one on their list that
//! is free (Eisenbud and others, "Maglev: a fast and reliable software network load balancer", 2016), more often the heavier they are.
//! Shares are within 1 % up to some hundred backends, where a ring's scatter by 8 %. In return a few more keys move than must
//! when the pool is configured anew. When a backend only fails, just its keys move, and they come back with it: the table is
//! made of all configured backends, and a key whose backend isn't eligible is hashed again. Neither the order of the configuration
//! nor slow start matters, and all proxies with the same names, weights and hash seed agree.
//!
//! A backend that has more than its share in flight passes what comes on in the same way (Mirrokni, Thorup and Zadimoghaddam,
//! "Consistent hashing with bounded loads", 2016), always to the same one for the same key. That is all that helps against a key that
//! is too hot for one backend.
//!
//! Configuration: `key`, "client" (default), "path", "header:NAME", "cookie:NAME" or "query:NAME"; `balance`, percent of the fair
//! share that a backend may have in flight, 101 to 1000 (150), 0 for no bound; `min_slots`, what it may have in flight in any case (2).
//! Requests without the key go to the fallback. A pick takes the same time for any number of backends, until one is full: then it adds up
//! what is in flight.

mod table;

use std::iter::successors;

use pointsman_sdk::prelude::*;
use policy_parts::{Keyed, KeyedConfig, Member, members, mix};
use table::{SLOTS, table};

/// How often a key is hashed again before all backends are looked at.
const PROBES: usize = 64;

/// The policy.
#[derive(Debug)]
pub struct Maglev {
    keyed: Keyed,
    /// What the table was made from.
    members: Vec<Member>,
    /// The member that owns each slot. Empty if there is none.
    table: Vec<u16>,
}

impl Policy for Maglev {
    type Config = KeyedConfig;

    fn new(config: KeyedConfig, backends: &Backends) -> Result<Self, Error> {
        let mut policy = Self { keyed: Keyed::new(config)?, members: Vec::new(), table: Vec::new() };
        policy.topology(backends);
        Ok(policy)
    }

    fn topology(&mut self, backends: &Backends) {
        self.keyed.topology(backends);
        let members = members(backends);
        // Mostly it is only the eligibility that changed.
        if members != self.members {
            self.table = table(&members);
            self.members = members;
        }
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let Some(hash) = self.keyed.hash(request) else { return Verdict::Abstain };
        let (members, table) = (&self.members, &self.table);
        let owners = successors(Some(hash), |hash| Some(mix(*hash)))
            .take(if table.is_empty() { 0 } else { PROBES })
            .map(|hash| members[usize::from(table[(hash % SLOTS) as usize])].index as usize);
        // Then all, from a place that the key decides, so that no neighbour gets everything; last those without a weight.
        let (before, after) = members.split_at((hash % (members.len() as u64).max(1)) as usize);
        let all = after.iter().chain(before).map(|member| member.index as usize);
        self.keyed.first_of(owners.chain(all).chain(backends.indexes()), request, backends).into()
    }
}

export_policy!(Maglev);
