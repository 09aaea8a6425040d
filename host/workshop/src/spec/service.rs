//! How much work requests are.

use serde::Deserialize;

use crate::time_span::TimeSpan;

/// The time that a backend of speed 1 works on a request, drawn for each.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
        /// The mean, before anything is drawn again or raised.
        mean: TimeSpan,
        /// The standard deviation, likewise.
        deviation: TimeSpan,
        /// None is shorter: what is, takes so long, and nothing is drawn again. `least`, none.
        #[serde(default)]
        least: Option<TimeSpan>,
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
    /// One of these, all as likely: a sample of what was measured. `{ empirical = ["4ms", "5ms", "120ms"] }`.
    Empirical(Vec<TimeSpan>),
}

/// The 99 % quantile of the normal distribution.
pub(crate) const Z99: f64 = 2.326_347_874_040_841;

impl Service {
    /// Mean work, µs. A normal one's without a `least` is that of the distribution of which nothing is drawn again.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Empirical(ref sample) => {
                sample.iter().map(|time| time.0 as f64).sum::<f64>() / sample.len().max(1) as f64
            }
            Self::Fixed(mean)
            | Self::Exponential(mean)
            | Self::Erlang { mean, .. }
            | Self::Normal { mean, least: None, .. } => mean.0 as f64,
            Self::Normal { mean, deviation, least: Some(least) } => {
                raised_mean(mean.0 as f64, deviation.0 as f64, least.0 as f64)
            }
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
            Self::Normal { mean, deviation, least: None } if deviation.0 > mean.0 / 2 => Some(
                "a normal distribution has a `deviation` of at most half of its `mean`: too much would be below 0; say by `least = \"0s\"` that this takes \
                 no time, or take `lognormal`",
            ),
            Self::Lognormal { median, p99 } if median.0 == 0 || p99 < median => Some(
                "a lognormal distribution has a `median` of at least \"1us\", and a `p99` that isn't less",
            ),
            Self::Pareto { least, shape } if least.0 == 0 || !(1.01..=100.0).contains(&shape) => {
                Some("a Pareto distribution has a `least` of at least \"1us\", and a `shape` of 1.01 to 100")
            }
            Self::Empirical(ref sample) if sample.iter().all(|time| time.0 == 0) => {
                Some("a sample has at least one time of more than none")
            }
            _ => None,
        }
    }
}

/// Mean of a normal distribution of which all that is below `least` is raised to it.
fn raised_mean(mean: f64, deviation: f64, least: f64) -> f64 {
    if deviation == 0.0 {
        return mean.max(least);
    }
    let z = (least - mean) / deviation;
    let raised = libm::erfc(-z / std::f64::consts::SQRT_2) / 2.0;
    let density = libm::exp(-z * z / 2.0) / libm::sqrt(2.0 * std::f64::consts::PI);
    least * raised + mean * (1.0 - raised) + deviation * density
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_distribution_is_raised_to_its_least() {
        let of = |mean, deviation, least| {
            let [mean, deviation, least] = [mean, deviation, least].map(TimeSpan);
            Service::Normal { mean, deviation, least: Some(least) }.mean()
        };
        // 100 · (Φ(1) + φ(1)).
        assert!((of(100_000, 100_000, 0) - 108_331.5).abs() < 0.1, "{}", of(100_000, 100_000, 0));
        assert!((of(100_000, 5_000, 0) - 100_000.0).abs() < 0.1);
        assert_eq!([of(7, 0, 5), of(5, 0, 7)], [7.0, 7.0]);
    }
}
