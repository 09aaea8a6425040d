//! Tiers: the backends of the first tier serve, and those of the next ones as far as the first can't.
//!
//! The label `priority` says which tier a backend belongs to: a whole number, the smallest of which comes first; a backend without the
//! label belongs to tier 0. A tier can take 140 % of the load for each of its backends that is healthy, by count, and at most all: so the first serves alone
//! until less than 72 % of it are healthy, and from there on gives the next one as much as it can't take. Where all tiers together can't
//! take everything, each gets as much more. The figures are Envoy's.
//!
//! In its tier a request gets the less loaded of two random backends, as from `random`. A retry stays in the tier as long as there is one that it
//! hasn't tried, and then goes to the next; after the last comes the first.
//!
//! When the pool panics, health is left out of account in tiers of which most is down, unless the others can take everything; when that is so in
//! all tiers, each gets its share by the number of its backends.
//!
//! Unlike a backup, a lower tier gets its part before the one above is quite down. Backends that are backups belong to no tier while
//! others serve. Draining ones count as down.
//!
//! Configuration: none. A pick takes the same time for any number of backends.

mod tiers;

use pointsman_sdk::prelude::*;
use policy_parts::Shares;
use tiers::{Member, Tier, spread};

/// Draws in a tier.
const CHOICES: usize = 2;

/// The policy.
#[derive(Debug)]
pub struct Priority {
    /// In the order of their priority.
    tiers: Vec<Tier>,
    /// What each of them gets.
    shares: Shares,
}

impl Policy for Priority {
    type Config = ();
    const STATE: &'static str = "priority 1";

    fn new(_: (), backends: &Backends) -> Result<Self, Error> {
        if let Some(index) = backends.indexes().find(|&index| priority(index, backends).is_none()) {
            let mut text = String::from("label `priority` of backend ");
            text.push_str(&backends.name(index));
            text.push_str(": must be a whole number, 0 for the first tier");
            return Err(Error::new(text));
        }
        let mut policy = Self { tiers: Vec::new(), shares: Shares::default() };
        policy.topology(backends);
        Ok(policy)
    }

    fn topology(&mut self, backends: &Backends) {
        let (mut weights, mut flags) = (Vec::new(), Vec::new());
        backends.weights(&mut weights);
        backends.flags_column(&mut flags);
        let mut priorities: Vec<u32> = Vec::new();
        self.tiers.clear();
        for (index, (weight, flags)) in weights.into_iter().zip(flags).enumerate() {
            if flags.backup() && !flags.eligible() {
                continue;
            }
            // One that came with another label than a number since `new`: it must not serve before its time.
            let priority = priority(index, backends).unwrap_or(u32::MAX);
            // Mostly there are two or three.
            let place = priorities.iter().take_while(|other| **other < priority).count();
            if priorities.get(place) != Some(&priority) {
                priorities.insert(place, priority);
                self.tiers.insert(place, Tier::default());
            }
            let (eligible, healthy) = (flags.eligible(), flags.healthy());
            self.tiers[place].members.push(Member { index, weight, eligible, healthy });
        }
        self.shares = spread(&mut self.tiers);
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let again = if request.attempt() > 0 { self.last_tried(request) } else { None };
        let Some(first) = again.or_else(|| self.shares.draw()) else { return Verdict::Abstain };
        let (before, from) = self.tiers.split_at(first);
        let mut tiers = from.iter().chain(before);
        tiers.find_map(|tier| tier.candidates.least_loaded_of(CHOICES, request, backends)).into()
    }
}

impl Priority {
    /// The tier in which a request was last. As it goes from each to the next, that is the last one where it has tried any before one where it
    /// has not.
    fn last_tried(&self, request: &Request) -> Option<usize> {
        let tried = |tier: &Tier| tier.members.iter().any(|member| request.tried(member.index));
        let tried: Vec<bool> = self.tiers.iter().map(tried).collect();
        let next = |place: usize| if place + 1 < tried.len() { place + 1 } else { 0 };
        let last = (0..tried.len()).find(|&place| tried[place] && !tried[next(place)]);
        last.or_else(|| tried.first().copied().filter(|tried| *tried).map(|_| 0))
    }
}

/// 0 without the label; none if it isn't a number.
fn priority(index: usize, backends: &Backends) -> Option<u32> {
    backends.label(index, "priority").map_or(Some(0), |label| {
        let digits = !label.is_empty() && label.len() <= 9 && label.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| label.bytes().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    })
}

export_policy!(Priority);
