//! The least loaded of some random backends: the power of two choices.
//!
//! One draw is chance alone. Two already keep the longest queue short (Mitzenmacher, "The power of two choices in randomized load
//! balancing", 2001), and a backend gets at most `choices` times its share, however idle it looks: one that has just come isn't
//! overrun, and several proxies that can't see each other's requests don't all run to the same one.
//!
//! Draws are distinct and weighted (an alias table, made when the topology changes). The load is what is in flight by weight, where
//! failures of the last 10 s count as if they were in flight: else a backend that fails at once would get twice its share. At equal
//! loads the one drawn first wins. All numbers are whole.
//!
//! Configuration: `choices`, 1 to 5 (2). More than 3 only where this proxy is the only one: with stale counts they do worse than 2.
//! A pick takes the same time for any number of backends.

use pointsman_sdk::prelude::*;
use policy_parts::Candidates;
use serde::Deserialize;

/// The policy.
#[derive(Debug)]
pub struct Random {
    choices: usize,
    candidates: Candidates,
}

/// `policy.config`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    choices: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self { choices: 2 }
    }
}

impl Policy for Random {
    type Config = Config;
    const STATE: &'static str = "random 1";

    fn new(config: Config, backends: &Backends) -> Result<Self, Error> {
        if !(1..=5).contains(&config.choices) {
            return Err("policy.config.choices: must be 1 to 5".into());
        }
        Ok(Self { choices: config.choices.into(), candidates: Candidates::eligible(backends) })
    }

    fn topology(&mut self, backends: &Backends) {
        self.candidates = Candidates::eligible(backends);
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let least_loaded = match self.choices {
            2 => self.candidates.less_loaded_of_two(request, backends),
            choices => self.candidates.least_loaded_of(choices, request, backends),
        };
        least_loaded.into()
    }
}

export_policy!(Random);
