//! Which certificates there are for a name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustls::SignatureScheme;

use super::certificate::Certificate;

/// The place of a certificate in the configuration.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// It is there.
    Filled(Arc<Certificate>),
    /// It is ordered for this name, and isn't there yet.
    Awaited(String),
}

impl Slot {
    /// The certificate, if it is there.
    pub(super) fn certificate(&self) -> Option<&Arc<Certificate>> {
        match self {
            Self::Filled(certificate) => Some(certificate),
            Self::Awaited(_) => None,
        }
    }
}

/// A listener's certificates in the order of the configuration, found by the names that they are for.
#[derive(Debug)]
pub(super) struct Certificates {
    all: Vec<Slot>,
    /// Places in `all` by exact name.
    exact: HashMap<String, Vec<usize>>,
    /// Places in `all` by what follows `*.` in a wildcard.
    wildcards: HashMap<String, Vec<usize>>,
    /// Names whose certificates aren't there yet.
    awaited: HashSet<String>,
    /// Places of the first one that is there and of those for the same names.
    default: Vec<usize>,
}

impl Certificates {
    /// Finds these certificates by their names. The first that is there is the default.
    pub(super) fn new(all: Vec<Slot>) -> Self {
        let mut exact = HashMap::<String, Vec<usize>>::new();
        let mut wildcards = HashMap::<String, Vec<usize>>::new();
        let mut awaited = HashSet::new();
        for (place, slot) in all.iter().enumerate() {
            let certificate = match slot {
                Slot::Filled(certificate) => certificate,
                Slot::Awaited(name) => {
                    awaited.insert(name.clone());
                    continue;
                }
            };
            for name in certificate.names() {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(domain) => (&mut wildcards, domain),
                    None => (&mut exact, name.as_str()),
                };
                map.entry(name.to_owned()).or_default().push(place);
            }
        }
        let there = || all.iter().enumerate().filter_map(|(place, slot)| Some((place, slot.certificate()?)));
        let first = there().next();
        let is_like_first = |(place, certificate): &(usize, &Arc<Certificate>)| {
            first.is_some_and(|(first, of_first)| {
                *place == first || certificate.names().iter().any(|name| of_first.names().contains(name))
            })
        };
        let default = there().filter(is_like_first).map(|(place, _)| place).collect();
        Self { all, exact, wildcards, awaited, default }
    }

    /// All, in the order of the configuration.
    pub(super) fn all(&self) -> &[Slot] {
        &self.all
    }

    /// Whether a client that asks for this name has to come again: its certificate isn't there yet, or none is.
    pub(super) fn is_awaited(&self, name: Option<&str>) -> bool {
        let is_awaited = |name: &str| self.awaited.contains(name.strip_suffix('.').unwrap_or(name));
        !self.awaited.is_empty()
            && (self.default.is_empty() || (name.is_some_and(is_awaited) && !self.has(name)))
    }

    /// Whether there is a certificate for a name, whatever its key.
    pub(super) fn has(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| self.by_name(name).next().is_some())
    }

    /// The certificate for a client that asks for this name and can check signatures made in these ways.
    ///
    /// Those for exactly this name come first, then those with a wildcard for it, then the default; of several the first, in the order
    /// of the configuration, whose key signs in a way that the client can check. If none does it is the first of all: rustls refuses the
    /// handshake then by `handshake_failure`, as clients expect, but without any certificate by `access_denied`.
    pub(super) fn choose(
        &self,
        name: Option<&str>,
        schemes: &[SignatureScheme],
    ) -> Option<&Arc<Certificate>> {
        let named = name.into_iter().flat_map(|name| self.by_name(name));
        let mut candidates = named.chain(&self.default).filter_map(|&place| self.all[place].certificate());
        candidates
            .find(|certificate| certificate.can_sign(schemes))
            .or_else(|| self.all.iter().find_map(Slot::certificate))
    }

    fn by_name(&self, name: &str) -> impl Iterator<Item = &usize> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let domain = name.split_once('.').map(|(_, domain)| domain);
        let wildcards = domain.and_then(|domain| self.wildcards.get(domain));
        self.exact.get(name).into_iter().chain(wildcards).flatten()
    }
}
