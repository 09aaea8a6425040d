//! What comes in.

use serde::Deserialize;

use super::llm::Prompt;
use super::replay::Replay;
use super::service::Service;
use crate::mean_work::MeanWork;
use crate::recorded::Recorded;
use crate::time_span::TimeSpan;

/// The requests: how many, how much work, and what they have in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Requests per second. Either this, or `utilization`, `clients` or `replay`.
    #[serde(default)]
    pub rate: Option<f64>,
    /// The same as a share of what the backends can serve, above 0 and below 1.
    #[serde(default)]
    pub utilization: Option<f64>,
    /// Clients that send a request each, and the next one when they have the response; 1 to 1,000,000.
    #[serde(default)]
    pub clients: Option<u32>,
    /// Mean pause of each of the `clients` between a response and the next request; exponential. `think`, 0.
    #[serde(default)]
    pub think: Option<TimeSpan>,
    /// When requests come, unless there are `clients`. `arrivals`, `"poisson"`.
    #[serde(default)]
    pub arrivals: Option<Arrivals>,
    /// A log whose requests come again, each with the work and the keys that it had.
    #[serde(default)]
    pub replay: Option<Replay>,
    /// How much work each is. `service`, `{ exponential = "10ms" }`.
    #[serde(default)]
    pub service: Option<Service>,
    /// What model servers are to read and to write. `prompt`, nothing.
    #[serde(default)]
    pub prompt: Option<Prompt>,
    /// What requests have in common. `keys`, nothing: each is of another client.
    #[serde(default)]
    pub keys: Option<Keys>,
}

/// When requests come.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Arrivals {
    /// Independent of each other. `"poisson"`.
    #[default]
    Poisson,
    /// At equal intervals. `"even"`.
    Even,
    /// From none to the whole `rate` at the end of the run. `"ramp"`.
    Ramp,
    /// All within `on`, then none for `off`, and so on, with `rate` as the mean. `{ bursts = { on = "1s", off = "4s" } }`.
    Bursts {
        /// Time with requests.
        on: TimeSpan,
        /// Time without.
        off: TimeSpan,
    },
}

/// Keys that requests have, by which policies can keep some of them together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// How many different ones, 1 to 100,000,000.
    pub count: u32,
    /// Exponent of Zipf's law: the n-th key has 1/n^zipf of the requests of the first; 0 = all have the same. `zipf`, 0.
    #[serde(default)]
    pub zipf: f64,
    /// The header field that has it; none = the client's address. `header`.
    #[serde(default)]
    pub header: Option<String>,
}

impl Load {
    /// How much work requests are that don't come again.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service.clone().unwrap_or(Service::Exponential(TimeSpan(10_000)))
    }

    /// Mean work of a request.
    pub(crate) fn mean_work(&self) -> MeanWork {
        let recorded = self.replay.as_ref().and_then(Replay::recorded);
        recorded.map_or_else(|| self.mean_work_of_new(), Recorded::mean_work)
    }

    fn mean_work_of_new(&self) -> MeanWork {
        let prompt = self.prompt.unwrap_or(Prompt { shared: 0, own: 0, output: 0.0 });
        MeanWork {
            work: self.service().mean(),
            tokens: (prompt.shared + prompt.own) as f64,
            unkept_tokens: prompt.unkept() as f64,
            output_tokens: prompt.output,
        }
    }

    /// Whether requests have prompts, for model servers.
    #[must_use]
    pub fn has_prompts(&self) -> bool {
        self.prompt.is_some()
            || self.replay.as_ref().and_then(Replay::recorded).is_some_and(Recorded::has_prompts)
    }
}
