//! Keeps requests in the own zone, as far as that has its share of the backends.
//!
//! Envoy's rule. With o the own zone's share of all proxies and u its share of all healthy backends, by weight: all requests stay if u is o or
//! more. Else u/o of them stay, and the rest goes to the zones that have more backends than proxies, in proportion to what they have more.
//! So no backend gets more than its share, wherever the clients and the proxies are. In its zone a request gets the less loaded of two random
//! backends, as from `random`.
//!
//! Zones are left out of account, and any two backends drawn, where that is safer: with fewer than `min_backends` healthy ones or fewer
//! than two zones that have one, with none in the own zone, and when the pool panics. A retry draws its zone anew; where it has tried all of
//! that, it goes to any other of the pool.
//!
//! Configuration: `zone`, in which this proxy is, as the backends' `zone` names it. There is no default: a policy can't see where it
//! runs. `proxies`, how many there are in each zone, or how much of the requests comes in there: `{ a = 40, b = 40, c = 20 }`; without
//! it, as many in each zone of the pool. `min_backends`, from how many healthy ones on zones count (6). A pick takes the same time for any
//! number of backends.

mod config;
mod spread;

pub use config::Config;
use config::Proxies;
use pointsman_sdk::prelude::*;
use policy_parts::{Candidates, Shares, eligible, hash};
use spread::{Zone, spread};

/// Draws in a zone.
const CHOICES: usize = 2;

/// The policy.
#[derive(Debug)]
pub struct ZoneAware {
    proxies: Proxies,
    min_backends: usize,
    /// Healthy backends of each zone; none while zones don't count.
    zones: Vec<Candidates>,
    /// What each of them gets.
    shares: Shares,
    /// All of them.
    anywhere: Candidates,
}

impl Policy for ZoneAware {
    type Config = Config;
    const STATE: &'static str = "zone-aware 1";

    fn new(config: Config, backends: &Backends) -> Result<Self, Error> {
        let min_backends = config.min_backends as usize;
        let proxies = config.proxies()?;
        let (zones, shares, anywhere) = (Vec::new(), Shares::default(), Candidates::default());
        let mut policy = Self { proxies, min_backends, zones, shares, anywhere };
        policy.topology(backends);
        Ok(policy)
    }

    fn topology(&mut self, backends: &Backends) {
        let eligible = eligible(backends);
        self.anywhere = Candidates::new(&eligible);
        self.zones.clear();
        let panics = eligible.iter().any(|(index, _)| !backends.flags(*index).healthy());
        let counts = !panics && eligible.len() >= self.min_backends;
        self.shares = if counts { self.divide(&eligible, backends) } else { Shares::default() };
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        let near = self.shares.draw().and_then(|zone| self.zones.get(zone));
        near.and_then(|zone| zone.least_loaded_of(CHOICES, request, backends))
            .or_else(|| self.anywhere.least_loaded_of(CHOICES, request, backends))
            .into()
    }
}

impl ZoneAware {
    /// Puts the healthy backends into their zones, and says what each zone gets; nothing, if there is no other or none in the own one.
    fn divide(&mut self, healthy: &[(usize, u32)], backends: &Backends) -> Shares {
        // Zones of proxies, and of backends that are down, count without a healthy backend, too.
        let mut zones = self.proxies.zones.clone();
        let mut places = Vec::new();
        for index in backends.indexes() {
            let name = hash(&backends.zone(index).unwrap_or_default());
            let known = zones.iter().position(|zone| zone.name == name);
            places.push(known.unwrap_or(zones.len()));
            if known.is_none() {
                zones.push(Zone { name, proxies: self.proxies.elsewhere(name), weight: 0 });
            }
        }
        let (mut members, mut with_backends) = (Vec::new(), 0);
        for (at, zone) in zones.iter_mut().enumerate() {
            members.clear();
            for member in healthy {
                if places.get(member.0) == Some(&at) {
                    members.push(*member);
                    zone.weight += u64::from(member.1);
                }
            }
            with_backends += usize::from(zone.weight > 0);
            self.zones.push(Candidates::new(&members));
        }
        let own = self.proxies.own;
        let has_own = zones.get(own).is_some_and(|zone| zone.weight > 0);
        if has_own && with_backends > 1 { spread(&zones, own) } else { Shares::default() }
    }
}

export_policy!(ZoneAware);
