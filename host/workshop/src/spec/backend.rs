//! Made-up backends.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::llm::Llm;
use super::service::Service;
use super::speed::Speed;
use crate::mean_work::MeanWork;

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
    /// How many requests a backend serves at a time (`"fifo"`, `llm`), or its cores (`"shared"`), 1 to 10,000. `servers`, 1.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Model {
    /// Its servers take one request each, in the order in which these come; the others wait. `"fifo"`.
    #[default]
    Fifo,
    /// Its cores are shared by all its requests alike, of which each has one at most. `"shared"`.
    Shared,
    /// All are served at once, however many there are. `"delay"`.
    Delay,
    /// A server of a large language model. `"llm"`, or `{ llm = { } }` with what it is like.
    Llm(Llm),
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Described)
    }
}

/// A name, or a table with it.
struct Described;

impl<'de> Visitor<'de> for Described {
    type Value = Model;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"fifo\", \"shared\", \"delay\" or \"llm\"")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Model, E> {
        match name {
            "fifo" => Ok(Model::Fifo),
            "shared" => Ok(Model::Shared),
            "delay" => Ok(Model::Delay),
            "llm" => Ok(Model::Llm(Llm::default())),
            unknown => Err(E::unknown_variant(unknown, &["fifo", "shared", "delay", "llm"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Model, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            llm: Llm,
        }
        Table::deserialize(MapAccessDeserializer::new(table)).map(|table| Model::Llm(table.llm))
    }
}

impl BackendGroup {
    /// The names of its backends.
    pub fn names(&self) -> impl Iterator<Item = String> {
        (1..=self.count).map(|number| match self.count {
            1 => self.name.clone(),
            _ => format!("{}{number}", self.name),
        })
    }

    /// Requests that one backend can serve in a second behind so many proxies, if each is as much work as in the mean; none if it can serve any
    /// number. Of a model server it is a bound: what if it keeps all that can be.
    #[must_use]
    pub(crate) fn capacity(&self, mean: &MeanWork, proxies: u32) -> Option<f64> {
        let most = self.max_requests.map(|most| f64::from(most) * f64::from(proxies));
        let at_a_time = match self.model {
            Model::Delay => most?,
            Model::Fifo | Model::Shared | Model::Llm(_) => {
                f64::from(self.servers).min(most.unwrap_or(f64::INFINITY))
            }
        };
        let in_a_microsecond = match self.model {
            Model::Llm(model) => {
                let reads = model.reads(if model.blocks == 0 { mean.tokens } else { mean.unkept_tokens });
                let answers = at_a_time / (reads + mean.output_tokens / model.writes(at_a_time as usize));
                // Prompts are read one after the other.
                if reads > 0.0 { answers.min(1.0 / reads) } else { answers }
            }
            Model::Fifo | Model::Shared | Model::Delay => {
                at_a_time / self.service.as_ref().map_or(mean.work, Service::mean)
            }
        };
        Some(in_a_microsecond * self.speed.mean() * 1e6)
    }

    /// How it runs a language model, if it does.
    #[must_use]
    pub fn llm(&self) -> Option<Llm> {
        match self.model {
            Model::Llm(model) => Some(model),
            _ => None,
        }
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
