//! Which certificates there are for a name.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;

use super::certificate::Certificate;

/// A listener's certificates in the order of the configuration, found by the names that they are for.
#[derive(Debug)]
pub(super) struct Certificates {
    all: Vec<Arc<Certificate>>,
    /// Places in `all` by exact name.
    exact: HashMap<String, Vec<usize>>,
    /// Places in `all` by what follows `*.` in a wildcard.
    wildcards: HashMap<String, Vec<usize>>,
    /// Places of the first one and of those for the same names.
    default: Vec<usize>,
}

impl Certificates {
    /// Finds these certificates by their names. The first is the default.
    pub(super) fn new(all: Vec<Arc<Certificate>>) -> Self {
        let mut exact = HashMap::<String, Vec<usize>>::new();
        let mut wildcards = HashMap::<String, Vec<usize>>::new();
        for (place, certificate) in all.iter().enumerate() {
            for name in certificate.names() {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(domain) => (&mut wildcards, domain),
                    None => (&mut exact, name.as_str()),
                };
                map.entry(name.to_owned()).or_default().push(place);
            }
        }
        let first = all.first().map_or(&[][..], |first| first.names());
        let is_like_first =
            |place: &usize| *place == 0 || all[*place].names().iter().any(|name| first.contains(name));
        let default = (0..all.len()).filter(is_like_first).collect();
        Self { all, exact, wildcards, default }
    }

    /// All, in the order of the configuration.
    pub(super) fn all(&self) -> &[Arc<Certificate>] {
        &self.all
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
        let mut candidates = named.chain(&self.default).map(|&place| &self.all[place]);
        candidates.find(|certificate| certificate.can_sign(schemes)).or_else(|| self.all.first())
    }

    fn by_name(&self, name: &str) -> impl Iterator<Item = &usize> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let domain = name.split_once('.').map(|(_, domain)| domain);
        let wildcards = domain.and_then(|domain| self.wildcards.get(domain));
        self.exact.get(name).into_iter().chain(wildcards).flatten()
    }
}
