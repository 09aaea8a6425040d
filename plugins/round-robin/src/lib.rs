//! Smooth weighted round robin: backends take turns, each as often as its weight says and evenly spread.
//!
//! Weights 5, 1, 1 give a a b a c a a, as in nginx. All workers share one turn, kept in a cell of the pool, so the order holds
//! for the pool as a whole and continues where it was after a swap. It starts at a random place: proxies that are restarted
//! together must not all begin with the first backend.
//!
//! Configuration: none. A pick takes the same time for any number of backends.

mod schedule;

use pointsman_sdk::prelude::*;
use schedule::schedule;

/// Cell of the pool with the number of turns taken; 0 = no start has been chosen yet.
const TURN: usize = 0;

/// How often another place of the schedule is tried for a request that may not use its turn's backend.
const JUMPS: usize = 16;

/// The policy.
#[derive(Debug)]
pub struct RoundRobin {
    /// Indexes of eligible backends, in the order of their turns.
    schedule: Vec<u32>,
    flags: Vec<Flags>,
    weights: Vec<u32>,
}

impl Policy for RoundRobin {
    type Config = ();
    const STATE: &'static str = "round-robin.1";

    fn new(_: (), backends: &Backends) -> Result<Self, Error> {
        // Only the first instance of all succeeds. Half the range is left, so that the turn does not soon overflow.
        let start = (random() >> 2) | 1;
        let _ = cells::pool(TURN).cas(0, start.cast_signed());
        let mut policy = Self { schedule: Vec::new(), flags: Vec::new(), weights: Vec::new() };
        policy.topology(backends);
        Ok(policy)
    }

    fn topology(&mut self, backends: &Backends) {
        backends.flags_column(&mut self.flags);
        backends.weights(&mut self.weights);
        let all = (0_u32..).zip(self.flags.iter().zip(&self.weights));
        let (eligible, weights): (Vec<u32>, Vec<u32>) = all
            .filter(|(_, (flags, weight))| flags.eligible() && **weight > 0)
            .map(|(index, (_, weight))| (index, *weight))
            .unzip();
        self.schedule = schedule(&eligible, &weights);
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let len = self.schedule.len();
        if len == 0 {
            return Verdict::Abstain;
        }
        let turn = cells::pool(TURN).add(1).cast_unsigned();
        let backend = self.at((turn % len as u64) as usize);
        if !request.tried(backend) {
            return Verdict::Backend(backend);
        }
        // Not the next in turn: it would get this backend's share on top of its own for as long as that one is full.
        (0..JUMPS)
            .map(|_| self.at(random_below(len)))
            .find(|&other| !request.tried(other))
            .or_else(|| backends.indexes().find(|&other| backends.eligible(other) && !request.tried(other)))
            .into()
    }
}

impl RoundRobin {
    fn at(&self, place: usize) -> usize {
        self.schedule[place] as usize
    }
}

export_policy!(RoundRobin);
