//! Made-up backends.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::service::Service;
use super::speed::Speed;

/// Backends that are equal but for their names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendGroup {
    /// The name of one; the beginning of the names of several, which are numbered from 1. `name`, `"b"`.
    #[serde(default = "b")]
    pub name: String,
    /// How many, 1 to 10,000 in all. `count`, 1.
    #[serde(default = "one")]
    pub count: u32,
    /// How each works. `model`, `"fifo"`.
    #[serde(default)]
    pub model: Model,
    /// How many requests a backend serves at a time (`"fifo"`), or its cores (`"shared"`), 1 to 10,000. `servers`, 1.
    #[serde(default = "one")]
    pub servers: u32,
    /// How fast it works. `speed`, 1.
    #[serde(default)]
    pub speed: Speed,
    /// Its own requests' work, in the place of the load's. `service`.
    #[serde(default)]
    pub service: Option<Service>,
    /// Most requests that a proxy has in flight to it, 1 to 1,000,000: then it is full. `max_requests`, any number.
    #[serde(default)]
    pub max_requests: Option<u32>,
    /// Its share in relation to the others, 0.001 to 1,000. `weight`, 1.
    #[serde(default = "unit")]
    pub weight: f64,
    /// Where it stands. `zone`, nowhere in particular.
    #[serde(default)]
    pub zone: String,
    /// What policies can tell it by. `labels`, none.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// How a backend works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Its servers take one request each, in the order in which these come; the others wait. `"fifo"`.
    #[default]
    Fifo,
    /// Its cores are shared by all its requests alike, of which each has one at most. `"shared"`.
    Shared,
    /// All are served at once, however many there are. `"delay"`.
    Delay,
}

impl BackendGroup {
    /// The names of its backends.
    pub fn names(&self) -> impl Iterator<Item = String> {
        (1..=self.count).map(|number| match self.count {
            1 => self.name.clone(),
            _ => format!("{}{number}", self.name),
        })
    }

    /// Requests that one backend can serve in a second behind so many proxies, if each is this much work (µs); none if it can serve any number.
    #[must_use]
    pub fn capacity(&self, work: f64, proxies: u32) -> Option<f64> {
        let most = self.max_requests.map(|most| f64::from(most) * f64::from(proxies));
        let at_a_time = match self.model {
            Model::Delay => most?,
            Model::Fifo | Model::Shared => f64::from(self.servers).min(most.unwrap_or(f64::INFINITY)),
        };
        Some(at_a_time * self.speed.mean() * 1e6 / work)
    }
}

fn b() -> String {
    "b".to_owned()
}

fn one() -> u32 {
    1
}

fn unit() -> f64 {
    1.0
}
