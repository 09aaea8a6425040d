//! A spec as a whole.

use serde::Deserialize;
use toml::Spanned;

use super::backend::BackendGroup;
use super::event::Event;
use super::load::Load;
use super::policy::PolicySpec;
use super::queue::Queue;
use super::swap::Swap;
use crate::time_span::TimeSpan;

/// A simulation: policies, one after the other, in front of the same backends, with the same requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What it shows, in a few words.
    #[serde(default)]
    pub title: String,
    /// How it is run. `[run]`.
    pub run: Spanned<Runs>,
    /// The policies that are compared. `[[policy]]`.
    #[serde(default, rename = "policy")]
    pub policies: Vec<Spanned<PolicySpec>>,
    /// The backends, by groups of equal ones. `[[backends]]`.
    #[serde(default)]
    pub backends: Vec<Spanned<BackendGroup>>,
    /// What comes in. `[load]`.
    pub load: Spanned<Load>,
    /// What happens meanwhile. `[[event]]`.
    #[serde(default, rename = "event")]
    pub events: Vec<Spanned<Event>>,
    /// Versions that come in the place of each policy. `[[swap]]`.
    #[serde(default, rename = "swap")]
    pub swaps: Vec<Spanned<Swap>>,
    /// Whether runs keep where each request was sent, and when.
    #[serde(skip)]
    pub(crate) keeps_sent: bool,
}

/// How a simulation is run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// Decides all that is random; the runs have this seed and the numbers after it. `seed`, 1.
    #[serde(default = "one")]
    pub seed: u64,
    /// How many runs each policy has, 1 to 10,000. `seeds`, 5.
    #[serde(default = "five")]
    pub seeds: u32,
    /// Virtual time of a run, at most 30 days. `duration`.
    pub duration: TimeSpan,
    /// Virtual time at the beginning whose requests don't count. `warmup`, a fifth of the duration.
    #[serde(default)]
    pub warmup: Option<TimeSpan>,
    /// How many proxies share the backends, 1 to 1,000: each has its own policy and its own counts, and each request comes to one of them at
    /// random. `proxies`, 1.
    #[serde(default = "one_proxy")]
    pub proxies: u32,
    /// Policies see the counts of requests as they were at the last multiple of this time; 0 = as they are. `counts_every`, 0.
    #[serde(default)]
    pub counts_every: TimeSpan,
    /// Where requests wait while all backends have their `max_requests`. `queue`, that of the proxy.
    #[serde(default)]
    pub queue: Option<Queue>,
    /// Health is ignored while less than this share of the backends is healthy, percent, 0 to 100. `panic_threshold`, that of the proxy, 10.
    #[serde(default)]
    pub panic_threshold: Option<u32>,
    /// Times of which is told how many of the requests took no longer. `within`, none.
    #[serde(default)]
    pub within: Vec<TimeSpan>,
    /// Allows more requests than the backends can serve. `overload`, false.
    #[serde(default)]
    pub overload: bool,
}

impl Runs {
    /// Time at the beginning whose requests don't count.
    #[must_use]
    pub fn warmup(&self) -> TimeSpan {
        self.warmup.unwrap_or(TimeSpan(self.duration.0 / 5))
    }
}

impl Spec {
    /// The backends by name, in order, each with its group.
    pub fn members(&self) -> impl Iterator<Item = (String, &BackendGroup)> {
        self.backends.iter().flat_map(|group| group.get_ref().names().map(|name| (name, group.get_ref())))
    }
}

fn one() -> u64 {
    1
}

fn five() -> u32 {
    5
}

fn one_proxy() -> u32 {
    1
}
