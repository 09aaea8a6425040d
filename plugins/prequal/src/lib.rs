//! Hot and cold: of some random backends that aren't busy, the one that will answer first.
//!
//! This is the rule by which Prequal chooses (Wydrowski and others, "Load is not what you should balance: introducing Prequal", NSDI 2024), on what the
//! proxy itself knows. **It doesn't probe**: no backend is asked how it is. For one proxy its own counts are the whole truth about what is in flight;
//! of several each knows its own requests only.
//!
//! For each request `sample` distinct backends are drawn by weight. One is hot if it has more in flight, by weight, than the `quantile` of what was
//! seen of late, else cold. Of the cold ones the one that is expected to answer first is picked; if all are hot, the least loaded. Of
//! equals it is the one drawn first, which is chance.
//!
//! What is expected is, as in the paper, the time that a backend takes with what it has in flight now: an average of the time to the response
//! head (a twentieth for each new one, successes only), times what is in flight, over what was when it was measured. By the average
//! alone all run to the fastest, whose answers come too late to say that it isn't any more. With half of 20 backends slower, at 90 %
//! (`config/simulate/two-speeds.toml`), the mean time is 3.48 s by the average alone and .28 s like this with the paper's quantile of
//! 84 %; .195 and .153 s with 40 %, .157 and .149 s with 30 %. The fewest requests have .150 s there, and at 70 % .145 s against .136 s.
//!
//! Failures of the last 10 s count as if they were in flight, so that one that fails fast attracts nothing. A time is known for a second, the life
//! of the paper's probes. After that a backend with nothing in flight may get one of sixteen requests, and what comes of it counts in full: so one
//! that once was slow is tried again. One of which nothing is known gets a request at once.
//!
//! Times are kept in cells: all workers learn together, and what was learnt outlives a swap.
//!
//! Configuration: `sample`, 2 to 16 (8; with 16 the mean time there is 4 % less at 70 %, and no less at 90 %); `quantile`, percent (30). A pick takes the
//! same time for any number of backends.

mod drawn;
mod times;

use drawn::{Drawn, Seen};
use pointsman_sdk::prelude::*;
use policy_parts::{Candidates, Least, Load, MOST_DRAWS, recent_failures};
use serde::Deserialize;

/// One of so many picks may be a trial.
const TRIAL_EVERY: u32 = 16;

/// The policy.
#[derive(Debug)]
pub struct Prequal {
    sample: u8,
    /// Percent.
    quantile: u8,
    candidates: Candidates,
    /// Apart, as a policy's own fields are a part of its file.
    seen: Box<Seen>,
    picks: u32,
}

/// `policy.config`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    sample: u8,
    quantile: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self { sample: 8, quantile: 30 }
    }
}

impl Policy for Prequal {
    type Config = Config;
    const STATE: &'static str = "prequal 1";

    fn new(config: Config, backends: &Backends) -> Result<Self, Error> {
        let Config { sample, quantile } = config;
        if !(2..=MOST_DRAWS as u8).contains(&sample) {
            return Err("policy.config.sample: must be 2 to 16".into());
        }
        if quantile > 100 {
            return Err("policy.config.quantile: must be 0 to 100".into());
        }
        let mut policy =
            Self { sample, quantile, candidates: Candidates::default(), seen: Box::default(), picks: 0 };
        policy.topology(backends);
        Ok(policy)
    }

    fn topology(&mut self, backends: &Backends) {
        self.candidates = Candidates::eligible(backends);
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        self.seen.draw_again();
        let seen = &mut self.seen;
        self.candidates.draw(self.sample.into(), |index, weight| {
            let failed = recent_failures(backends, index);
            let waiting = backends.stat(Stat::InFlight, index).saturating_add(failed);
            seen.add(Drawn { index, waiting, weight });
        });
        self.picks = self.picks.wrapping_add(1);
        let is_trial = self.picks.is_multiple_of(TRIAL_EVERY);
        let cold = self.seen.cold(self.quantile.into());
        let mut fastest: Option<(usize, u64)> = None;
        for (place, drawn) in self.seen.drawn().iter().enumerate() {
            if place >= cold && fastest.is_some() {
                break;
            }
            // Where there is nothing cold, the least loaded is the first, and stays the only one.
            let time = times::expected(drawn.index, drawn.waiting, is_trial);
            if fastest.is_none_or(|(_, least)| time < least) && !request.tried(drawn.index) {
                fastest = Some((drawn.index, time));
            }
        }
        fastest.map(|(index, _)| index).or_else(|| self.least_loaded_of_all(request, backends)).into()
    }
}

impl Prequal {
    /// For a request that has tried all that were drawn.
    fn least_loaded_of_all(&self, request: &Request, backends: &Backends) -> Option<usize> {
        let mut best = Least::default();
        for (index, weight) in self.candidates.iter().filter(|(index, _)| !request.tried(*index)) {
            best.offer(index, Load::new(backends.stat(Stat::InFlight, index), weight));
        }
        best.index()
    }
}

impl Observe for Prequal {
    fn observe(&mut self, response: &Response, backends: &Backends) {
        let failed = response.status.is_none_or(|status| status >= 500);
        // A client that leaves, or a backend that breaks off, says nothing about the time.
        if let (false, Outcome::Complete, Some(head)) = (failed, response.outcome, response.head) {
            let waiting = backends.stat(Stat::InFlight, response.backend);
            times::learn(response.backend, head, waiting);
        }
    }
}

export_policy!(Prequal, observe);
