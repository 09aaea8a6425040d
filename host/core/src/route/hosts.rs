//! The routes, found by host and then by path.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use super::host_pattern::{HostPattern, host_of, ipv6};
use super::names::{NameHash, Names};
use super::paths::Paths;
use super::pattern::RoutePattern;

/// Routes by host and path; of those that match the first wins.
///
/// However many there are, finding one costs a few lookups: a map for hosts, one for the domains above the host's labels, and
/// below each host a sorted list of paths. Each yields its first match, and the first of these is the result.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// For every host.
    any: Paths,
    /// By host.
    hosts: Names,
    /// By IPv6 address, which has many spellings.
    ipv6: HashMap<Ipv6Addr, Paths>,
    /// For the subdomains of these.
    domains: Names,
    /// Labels of the longest of them: a client's host of a hundred labels costs no more lookups.
    labels: usize,
    /// Some route is for certain hosts.
    looks_at_host: bool,
}

impl Hosts {
    /// These routes, in their order.
    pub(super) fn new(routes: &[RoutePattern]) -> Self {
        let mut hosts = Self::default();
        for (index, route) in routes.iter().enumerate() {
            for host in route.hosts() {
                hosts.looks_at_host |= *host != HostPattern::Any;
                route.paths().iter().for_each(|path| hosts.paths(host).add(path.clone(), index));
            }
        }
        hosts.all_paths().for_each(Paths::sort);
        hosts
    }

    /// Where the routes with this host rule are.
    fn paths(&mut self, host: &HostPattern) -> &mut Paths {
        match host {
            HostPattern::Any => &mut self.any,
            HostPattern::Exact(name) => match ipv6(name.as_bytes()) {
                Some(address) => self.ipv6.entry(address).or_default(),
                None => self.hosts.entry(name),
            },
            HostPattern::Subdomains(domain) => {
                self.labels = self.labels.max(domain.split('.').count());
                self.domains.entry(domain)
            }
        }
    }

    fn all_paths(&mut self) -> impl Iterator<Item = &mut Paths> {
        let named = self.hosts.all_mut().chain(self.ipv6.values_mut()).chain(self.domains.all_mut());
        named.chain([&mut self.any])
    }

    /// The first route that matches and for which `holds` what else it demands. `authority` is asked for if it matters.
    #[inline]
    pub(super) fn first<'a>(
        &self,
        authority: impl FnOnce() -> &'a [u8],
        path: &[u8],
        holds: &impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let any = self.any.first(path, None, holds);
        if self.looks_at_host { self.by_host(host_of(authority()), path, any, holds) } else { any }
    }

    /// The first route for this host, if it is before `found`, and `found` if not.
    #[inline]
    fn by_host(
        &self,
        host: &[u8],
        path: &[u8],
        mut found: Option<usize>,
        holds: &impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let in_one = |paths: Option<&Paths>, found| match paths {
            Some(paths) => paths.first(path, found, holds),
            None => found,
        };
        if let Some(address) = ipv6(host) {
            return in_one(self.ipv6.get(&address), found);
        }
        let (mut labels, mut hash) = (0, NameHash::EMPTY);
        for (place, &byte) in host.iter().enumerate().rev() {
            // A subdomain has something before the dot.
            if byte == b'.' && place > 0 && labels < self.labels {
                labels += 1;
                found = in_one(self.domains.get(hash, &host[place + 1..]), found);
            }
            hash = hash.with(byte);
        }
        in_one(self.hosts.get(hash, host), found)
    }
}
