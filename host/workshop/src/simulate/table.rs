//! Results as a table for a terminal.

use std::fmt::{self, Write as _};

use super::summary::{Estimate, PolicySummary, Summary, SwapSummary, Times};
use super::tally::{Counts, SwapResult};
use crate::aligned::aligned;
use crate::time_span::{TimeSpan, shown};

/// Backends whose shares are shown one by one.
const SHOWN: usize = 12;

impl Summary {
    /// A table of the policies, and one of the backends' shares, without an end of line after the last one.
    #[must_use]
    pub fn table(&self) -> String {
        let mut rows = vec![self.heading()];
        rows.extend(self.policies.iter().map(|policy| self.row(policy)));
        let mut text = String::new();
        if !self.title.is_empty() {
            let _ = writeln!(text, "{}\n", self.title);
        }
        text += &aligned(&rows, 1);
        text += "\n\n";
        text += &aligned(&self.shares(), 1);
        let _ = write!(text, "\n\n{}", self.notes());
        text
    }

    fn heading(&self) -> Vec<String> {
        let within = self.within_us.iter().map(|time| format!("≤ {}", TimeSpan(*time)));
        let first = ["policy", "requests", "mean", "± 95 %", "p50", "p90", "p99", "p99.9"].map(str::to_owned);
        let affinity = self.has_keys().then(|| "affinity".to_owned());
        let llm =
            self.has_llm().then(|| ["1st token", "p99", "kept"].map(str::to_owned)).into_iter().flatten();
        let last = ["failed", "rejected", "faults", "fuel/pick"].map(str::to_owned);
        first.into_iter().chain(llm).chain(within).chain(affinity).chain(last).collect()
    }

    /// Whether there are model servers.
    fn has_llm(&self) -> bool {
        self.policies.iter().any(|policy| policy.backends.llm.is_some())
    }

    /// Whether requests have keys.
    fn has_keys(&self) -> bool {
        self.policies.iter().any(|policy| policy.backends.affinity.is_some())
    }

    fn row(&self, policy: &PolicySummary) -> Vec<String> {
        let counts = &policy.counts;
        let of = |times: Option<Times>, of: fn(Times) -> f64| {
            times.map_or_else(|| "–".to_owned(), |times| shown(of(times)))
        };
        let time = |which| of(policy.time_us, which);
        let plus_minus = policy.time_us.and_then(|times| times.mean.plus_minus);
        let first = [
            policy.policy.clone(),
            counts.requests.to_string(),
            time(|times| times.mean.mean),
            plus_minus.map_or_else(|| "–".to_owned(), shown),
            time(|times| times.p50.mean),
            time(|times| times.p90.mean),
            time(|times| times.p99.mean),
            time(|times| times.p999.mean),
        ];
        let percent = |share: Estimate| format!("{:.2} %", share.mean * 100.0);
        let within = policy.within.iter().copied().map(percent);
        let llm = policy.backends.llm.iter().flat_map(|llm| {
            let p50 = of(llm.first_token_us, |times| times.p50.mean);
            let p99 = of(llm.first_token_us, |times| times.p99.mean);
            [p50, p99, percent(llm.kept)]
        });
        let affinity =
            self.has_keys().then(|| policy.backends.affinity.map_or_else(|| "–".to_owned(), percent));
        let last = [
            counts.failed.to_string(),
            counts.rejected.to_string(),
            counts.faults.to_string(),
            format!("{:.0}", policy.cost.fuel_per_pick),
        ];
        first.into_iter().chain(llm).chain(within).chain(affinity).chain(last).collect()
    }

    /// The backends' shares of the picks; the largest and the smallest, where there are many backends.
    fn shares(&self) -> Vec<Vec<String>> {
        let few = self.backends.len() <= SHOWN;
        let mut heading = vec!["share of picks".to_owned()];
        match few {
            true => heading.extend(self.backends.iter().cloned()),
            false => heading.extend(["least", "most", "most in flight"].map(str::to_owned)),
        }
        let percent = |share: &f64| format!("{:.2} %", share * 100.0);
        let row = |policy: &PolicySummary| {
            let mut row = vec![policy.policy.clone()];
            if few {
                row.extend(policy.backends.shares.iter().map(percent));
            } else {
                let least = policy.backends.shares.iter().copied().fold(f64::INFINITY, f64::min);
                let most = policy.backends.shares.iter().copied().fold(0.0, f64::max);
                let in_flight = policy.backends.most_in_flight.iter().max().copied().unwrap_or(0);
                row.extend([percent(&least), percent(&most), in_flight.to_string()]);
            }
            row
        };
        std::iter::once(heading).chain(self.policies.iter().map(row)).collect()
    }

    fn notes(&self) -> String {
        let mut notes = format!("{} from seed {} on", Runs(self.seeds), self.seed);
        for (number, policy) in self.policies.iter().enumerate() {
            let _ = write!(notes, "\n{}: sha256 {}", policy.policy, policy.sha256);
            let Counts {
                requests, unfinished, picks, abstentions, waited, queue_full, queue_timeout, ..
            } = policy.counts;
            if waited + queue_full > 0 {
                let _ = write!(
                    notes,
                    "\n{}: {waited} of {requests} requests waited at their proxy, {queue_timeout} of them for too long; {queue_full} could not wait, as \
                     enough did already",
                    policy.policy
                );
            }
            if unfinished > 0 {
                let _ = write!(
                    notes,
                    "\n{}: {unfinished} of {requests} requests had no response when the run and as long again was over; they count as if they ended \
                     then",
                    policy.policy
                );
            }
            if abstentions > 0 {
                let share = abstentions as f64 * 100.0 / picks.max(1) as f64;
                let _ = write!(
                    notes,
                    "\n{}: {share:.2} % of the picks were left to the fallback, as the policy had no opinion",
                    policy.policy
                );
            }
            let is_its = |swap: &&SwapSummary| swap.policy.as_ref().is_none_or(|name| *name == policy.policy);
            for swap in self.swaps.iter().filter(is_its) {
                let result = swap.results.get(number).copied().unwrap_or_default();
                let _ = write!(notes, "\n{}: {}", policy.policy, SwapNote(swap, result));
            }
        }
        notes
    }
}

/// What came of a swap, over all runs and proxies.
struct SwapNote<'a>(&'a SwapSummary, SwapResult);

impl fmt::Display for SwapNote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(SwapSummary { at_us, sha256, origin, .. }, SwapResult { swapped, unchanged, refused }) =
            self;
        write!(f, "at {} {origin} (sha256 {sha256}): swapped {}", TimeSpan(*at_us), Often(*swapped))?;
        if *unchanged > 0 {
            write!(f, ", {} it was active already", Often(*unchanged))?;
        }
        if *refused > 0 {
            write!(f, ", refused {}: the version before served on", Often(*refused))?;
        }
        Ok(())
    }
}

/// How often something came.
struct Often(u64);

impl fmt::Display for Often {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 1 { f.write_str("once") } else { write!(f, "{} times", self.0) }
    }
}

struct Runs(u32);

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "run" } else { "runs of each" })
    }
}
