//! Random numbers of a run: a stream for each thing that is random, so that two policies see the same requests.

use std::convert::Infallible;
use std::sync::Arc;

use pointsman_policy::Rng;
use rand::TryRng;
use rand_distr::{Distribution, Exp1, Gamma, LogNormal, Normal, Pareto, Zipf};

use crate::spec::{Keys, Service, Z99};

/// One stream. Its numbers are those of the policies' own generator, which no library's version changes.
pub(super) struct Stream(Rng);

impl Stream {
    pub(super) fn new(seed: u64, name: &str, number: u64) -> Self {
        Self(Rng::fork(seed, name, number))
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }

    /// Whether something happens whose probability is `share`.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        const BITS: u32 = 53;
        let drawn = (self.0.draw() >> (u64::BITS - BITS)) as f64;
        drawn < share * (1_u64 << BITS) as f64
    }

    /// An exponential time with this mean.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        let drawn: f64 = Exp1.sample(self);
        drawn * mean
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.0.draw() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.draw())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.0.draw().to_le_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
        Ok(())
    }
}

/// Draws the work of requests, µs.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Fixed(f64),
    Exponential(f64),
    Gamma(Gamma<f64>),
    /// With what takes the place of what is less; none = what is below 0 is drawn again.
    Normal(Normal<f64>, Option<f64>),
    LogNormal(LogNormal<f64>),
    Pareto(Pareto<f64>),
    /// One of these.
    Empirical(Arc<[f64]>),
}

impl Work {
    /// # Errors
    ///
    /// If there is no such distribution; [`Service`]s that were checked have one.
    pub(super) fn of(service: &Service) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| error.to_string();
        Ok(match *service {
            Service::Empirical(ref sample) => {
                Self::Empirical(sample.iter().map(|time| time.0 as f64).collect())
            }
            Service::Fixed(work) => Self::Fixed(work.0 as f64),
            Service::Exponential(mean) => Self::Exponential(mean.0 as f64),
            Service::Erlang { mean, stages } => {
                let stages = f64::from(stages);
                Self::Gamma(Gamma::new(stages, mean.0 as f64 / stages).map_err(|error| wrong(&error))?)
            }
            Service::Normal { mean, deviation, least } => {
                let normal = Normal::new(mean.0 as f64, deviation.0 as f64);
                Self::Normal(normal.map_err(|error| wrong(&error))?, least.map(|least| least.0 as f64))
            }
            Service::Lognormal { median, p99 } => {
                let (median, p99) = (median.0 as f64, p99.0 as f64);
                let sigma = libm::log(p99 / median) / Z99;
                Self::LogNormal(LogNormal::new(libm::log(median), sigma).map_err(|error| wrong(&error))?)
            }
            Service::Pareto { least, shape } => {
                Self::Pareto(Pareto::new(least.0 as f64, shape).map_err(|error| wrong(&error))?)
            }
        })
    }

    /// Draws one.
    pub(super) fn draw(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Fixed(work) => *work,
            Self::Exponential(mean) => stream.exponential(*mean),
            Self::Gamma(gamma) => gamma.sample(stream),
            Self::Normal(normal, Some(least)) => normal.sample(stream).max(*least),
            Self::Normal(normal, None) => loop {
                let work = normal.sample(stream);
                if work >= 0.0 {
                    return work;
                }
            },
            Self::LogNormal(lognormal) => lognormal.sample(stream),
            Self::Pareto(pareto) => pareto.sample(stream),
            Self::Empirical(sample) => sample.get(stream.below(sample.len())).copied().unwrap_or_default(),
        }
    }
}

/// Draws the keys of requests: numbers from 0.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyDraw {
    /// Each request has its own.
    Own,
    Uniform(u32),
    Zipf(Zipf<f64>),
}

impl KeyDraw {
    /// # Errors
    ///
    /// If there is no such distribution; [`Keys`] that were checked have one.
    pub(super) fn of(keys: Option<&Keys>) -> Result<Self, String> {
        match keys {
            None => Ok(Self::Own),
            Some(keys) if keys.zipf == 0.0 => Ok(Self::Uniform(keys.count)),
            Some(keys) => {
                Zipf::new(f64::from(keys.count), keys.zipf).map(Self::Zipf).map_err(|error| error.to_string())
            }
        }
    }

    /// The key of the request with this number.
    pub(super) fn draw(&self, stream: &mut Stream, number: u64) -> u32 {
        match self {
            // Only told apart: what is left after four billion requests comes again.
            Self::Own => number as u32,
            Self::Uniform(count) => stream.below(*count as usize) as u32,
            Self::Zipf(zipf) => zipf.sample(stream) as u32 - 1,
        }
    }
}
