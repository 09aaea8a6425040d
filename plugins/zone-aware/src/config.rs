//! What the operator says of the proxies.

use crate::spread::Zone;
use pointsman_sdk::Error;
use policy_parts::hash;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use std::fmt;

const KEYS: [&str; 3] = ["zone", "proxies", "min_backends"];

/// `policy.config`.
///
/// Read by hand: what serde derives for a table in a table is 2 KB more.
#[derive(Debug)]
pub struct Config {
    /// Hash of the name of the zone where this proxy is.
    zone: Option<u64>,
    /// How many proxies there are in each zone; empty = as many in each.
    proxies: Vec<Zone>,
    pub(crate) min_backends: u32,
}

/// Where the proxies are.
#[derive(Debug)]
pub(crate) struct Proxies {
    /// Zones of which the number is known, without backends.
    pub(crate) zones: Vec<Zone>,
    /// The place of the own one among them.
    pub(crate) own: usize,
    /// In each other zone that has a name.
    elsewhere: u32,
}

impl Config {
    /// The proxies, if all is in order.
    pub(crate) fn proxies(self) -> Result<Proxies, Error> {
        let Some(own) = self.zone else {
            return Err(
                "policy.config.zone: missing; set this proxy's zone, as the backends' `zone` names it".into(),
            );
        };
        let (mut zones, mut elsewhere) = (self.proxies, 0);
        if zones.is_empty() {
            elsewhere = 1;
            zones.push(Zone { name: own, proxies: 1, weight: 0 });
        }
        match zones.iter().position(|zone| zone.name == own && zone.proxies > 0) {
            Some(own) => Ok(Proxies { zones, own, elsewhere }),
            None => Err("policy.config.proxies: must have this proxy's zone, with 1 or more".into()),
        }
    }
}

impl Proxies {
    /// In a zone that isn't among the known ones. Where the backends say no zone there is nobody whose own that is.
    pub(crate) fn elsewhere(&self, zone: u64) -> u32 {
        if zone == hash("") { 0 } else { self.elsewhere }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut config = Self { zone: None, proxies: Vec::new(), min_backends: 6 };
        Table { config: &mut config, is_whole: true }.deserialize(deserializer)?;
        Ok(config)
    }
}

/// The whole table, or that of the proxies in it.
struct Table<'a> {
    config: &'a mut Config,
    is_whole: bool,
}

impl<'de> DeserializeSeed<'de> for Table<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Table<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of zones, such as { a = 40, b = 60 }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<(), A::Error> {
        while let Some(key) = table.next_key::<String>()? {
            match key.as_str() {
                "zone" if self.is_whole => {
                    let zone: String = table.next_value()?;
                    self.config.zone = (!zone.is_empty()).then(|| hash(&zone));
                }
                "proxies" if self.is_whole => {
                    table.next_value_seed(Table { config: self.config, is_whole: false })?;
                }
                "min_backends" if self.is_whole => self.config.min_backends = table.next_value()?,
                unknown if self.is_whole => return Err(A::Error::unknown_field(unknown, &KEYS)),
                zone => {
                    let (name, proxies) = (hash(zone), table.next_value()?);
                    self.config.proxies.push(Zone { name, proxies, weight: 0 });
                }
            }
        }
        Ok(())
    }
}
