//! The routes, found by host and then by path.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use super::names::{NameHash, Names};
use super::paths::Paths;
use super::pattern::{HostPattern, PathPattern};

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
    pub(super) fn new<'a>(routes: impl Iterator<Item = (&'a HostPattern, PathPattern)>) -> Self {
        let mut hosts = Self::default();
        for (index, (host, path)) in routes.enumerate() {
            hosts.looks_at_host |= *host != HostPattern::Any;
            hosts.paths(host).add(path, index);
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

    /// The first route that matches. `authority` is asked for if it matters.
    #[inline]
    pub(super) fn first<'a>(&self, authority: impl FnOnce() -> &'a [u8], path: &[u8]) -> Option<usize> {
        let any = self.any.first(path);
        if self.looks_at_host { first(any, self.by_host(host_of(authority()), path)) } else { any }
    }

    /// The first route for this host and not for every host.
    #[inline]
    fn by_host(&self, host: &[u8], path: &[u8]) -> Option<usize> {
        let in_one = |paths: Option<&Paths>| paths.and_then(|paths| paths.first(path));
        if let Some(address) = ipv6(host) {
            return in_one(self.ipv6.get(&address));
        }
        let (mut found, mut labels, mut hash) = (None, 0, NameHash::EMPTY);
        for (place, &byte) in host.iter().enumerate().rev() {
            // A subdomain has something before the dot.
            if byte == b'.' && place > 0 && labels < self.labels {
                labels += 1;
                found = first(found, in_one(self.domains.get(hash, &host[place + 1..])));
            }
            hash = hash.with(byte);
        }
        first(found, in_one(self.hosts.get(hash, host)))
    }
}

/// The first of two.
#[inline]
fn first(one: Option<usize>, other: Option<usize>) -> Option<usize> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The host of an authority, without the port and without the dot that ends a fully qualified name.
#[inline]
pub(super) fn host_of(authority: &[u8]) -> &[u8] {
    let host = if authority.first() == Some(&b'[') {
        memchr::memchr(b']', authority).map_or(authority, |end| &authority[..=end])
    } else {
        memchr::memchr(b':', authority).map_or(authority, |colon| &authority[..colon])
    };
    host.strip_suffix(b".").unwrap_or(host)
}

/// The IPv6 address in brackets.
#[inline]
fn ipv6(host: &[u8]) -> Option<Ipv6Addr> {
    let address = host.strip_prefix(b"[")?.strip_suffix(b"]")?;
    std::str::from_utf8(address).ok()?.parse().ok()
}
