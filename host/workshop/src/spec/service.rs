//! How much work requests are.

use serde::Deserialize;

use crate::time_span::TimeSpan;

/// The time that a backend of speed 1 works on a request, drawn for each.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Service {
    /// Always the same. `{ fixed = "10ms" }`.
    Fixed(TimeSpan),
    /// Memoryless: most are short, few are long. `{ exponential = "10ms" }`, by its mean.
    Exponential(TimeSpan),
    /// The sum of `stages` exponential times: the more, the more even. `{ erlang = { mean = "10ms", stages = 4 } }`.
    Erlang {
        /// The mean.
        mean: TimeSpan,
        /// How many, 1 to 1,000.
        stages: u32,
    },
    /// Around a mean. What is below 0 is drawn again. `{ normal = { mean = "167ms", deviation = "5ms" } }`.
    Normal {
        /// The mean, before anything is drawn again.
        mean: TimeSpan,
        /// The standard deviation, likewise.
        deviation: TimeSpan,
    },
    /// A long tail; `{ lognormal = { median = "5ms", p99 = "100ms" } }`.
    Lognormal {
        /// Half are shorter.
        median: TimeSpan,
        /// 99 of 100 are shorter.
        p99: TimeSpan,
    },
    /// The longest tail; `{ pareto = { least = "1ms", shape = 1.5 } }`.
    Pareto {
        /// None is shorter.
        least: TimeSpan,
        /// The smaller, the longer the tail; above 1, so that there is a mean.
        shape: f64,
    },
}

/// The 99 % quantile of the normal distribution.
pub(crate) const Z99: f64 = 2.326_347_874_040_841;

impl Service {
    /// Mean work, µs. A normal one's is that of the distribution of which nothing is drawn again.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Fixed(mean)
            | Self::Exponential(mean)
            | Self::Erlang { mean, .. }
            | Self::Normal { mean, .. } => mean.0 as f64,
            Self::Lognormal { median, p99 } => {
                let sigma = libm::log(p99.0 as f64 / median.0 as f64) / Z99;
                median.0 as f64 * libm::exp(sigma * sigma / 2.0)
            }
            Self::Pareto { least, shape } => least.0 as f64 * shape / (shape - 1.0),
        }
    }

    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match *self {
            Self::Fixed(mean) | Self::Exponential(mean) if mean.0 == 0 => {
                Some("work of no time: write at least \"1us\"")
            }
            Self::Erlang { mean, stages } if mean.0 == 0 || !(1..=1_000).contains(&stages) => {
                Some("an Erlang distribution has a `mean` of at least \"1us\" and 1 to 1,000 `stages`")
            }
            Self::Normal { mean, .. } if mean.0 == 0 => {
                Some("a normal distribution has a `mean` of at least \"1us\"")
            }
            Self::Normal { mean, deviation } if deviation.0 > mean.0 / 2 => Some(
                "a normal distribution has a `deviation` of at most half of its `mean`: too much would be below 0; take `lognormal`",
            ),
            Self::Lognormal { median, p99 } if median.0 == 0 || p99 < median => Some(
                "a lognormal distribution has a `median` of at least \"1us\", and a `p99` that isn't less",
            ),
            Self::Pareto { least, shape } if least.0 == 0 || !(1.01..=100.0).contains(&shape) => {
                Some("a Pareto distribution has a `least` of at least \"1us\", and a `shape` of 1.01 to 100")
            }
            _ => None,
        }
    }
}
