//! Looks at a few random backends and takes the one with the fewest requests in flight per unit of weight.
//!
//! Configuration: `choices`, how many it looks at, 2 to 5; 2 if it isn't said.

use pointsman_sdk::prelude::*;
use serde::Deserialize;

/// What is in the pool's `[pool.NAME.policy.config]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    choices: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { choices: 2 }
    }
}

/// The policy. Each worker of the proxy has its own.
pub struct Choices {
    choices: usize,
    /// What can be picked for the request at hand. It is kept, so that a pick allocates nothing.
    open: Vec<usize>,
}

impl Policy for Choices {
    type Config = Config;

    fn new(config: Config, _: &Backends) -> Result<Self, Error> {
        if !(2..=5).contains(&config.choices) {
            return Err(Error::new("choices: write 2 to 5"));
        }
        Ok(Self {
            choices: config.choices,
            open: Vec::new(),
        })
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let usable = |&index: &usize| backends.eligible(index) && !request.tried(index);
        self.open.clear();
        self.open.extend(backends.indexes().filter(usable));
        // Choices are distinct: each is taken out of the list.
        let mut best = None;
        for _ in 0..self.choices.min(self.open.len()) {
            let index = self.open.swap_remove(random_below(self.open.len()));
            best = match best {
                Some(other) if !is_lighter(backends, index, other) => Some(other),
                _ => Some(index),
            };
        }
        best.into()
    }
}

/// Whether `one` has fewer requests per weight than `other`. By multiplication: a division would round.
fn is_lighter(backends: &Backends, one: usize, other: usize) -> bool {
    let load = |index| u128::from(backends.stat(Stat::InFlight, index));
    let weight = |index| u128::from(backends.weight(index));
    load(one) * weight(other) < load(other) * weight(one)
}

export_policy!(Choices);

#[cfg(test)]
mod tests {
    use pointsman_sdk::testing::{TestHost, TestRequest};

    use super::*;

    #[test]
    fn of_two_the_less_loaded_one_is_picked() {
        let host = TestHost::new().backend("busy").backend("idle");
        host.at("busy").stat(Stat::InFlight, 10);
        let mut policy = host.policy::<Choices>().expect("a policy");
        assert_eq!(policy.pick_names(3), "idle idle idle");
        assert_eq!(policy.pick_name(&TestRequest::new().tried("idle")), "busy");
    }

    #[test]
    fn load_counts_by_weight() {
        let host = TestHost::new().backend("small").backend("large").weight(4);
        host.at("small").stat(Stat::InFlight, 1);
        host.at("large").stat(Stat::InFlight, 3);
        let mut policy = host.policy::<Choices>().expect("a policy");
        assert_eq!(policy.pick_names(3), "large large large");
    }
}
