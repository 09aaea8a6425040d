//! The routes, found by host and then by path.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use super::paths::Paths;
use crate::config::{HostPattern, PathPattern};

/// Routes by host and path; of those that match the first wins.
///
/// However many there are, finding one costs a few lookups: a map for hosts, one for the domains above the host's labels, and
/// below each host a sorted list of paths. Each answers its first match, and the first of these is it.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// For every host.
    any: Paths,
    /// By host, in lower case.
    hosts: HashMap<Box<[u8]>, Paths>,
    /// By IPv6 address, which has many spellings.
    ipv6: HashMap<Ipv6Addr, Paths>,
    /// For the subdomains of these, in lower case.
    domains: HashMap<Box<[u8]>, Paths>,
    /// Labels of the longest of them: a client's host of a hundred labels costs no more lookups.
    labels: usize,
}

/// No host name is longer, and every pattern is one.
const LONGEST_HOST: usize = 256;

impl Hosts {
    /// These routes, in their order.
    pub(super) fn new<'a>(routes: impl Iterator<Item = (&'a HostPattern, PathPattern)>) -> Self {
        let mut hosts = Self::default();
        for (index, (host, path)) in routes.enumerate() {
            hosts.paths(host).add(path, index);
        }
        hosts.all_paths().for_each(Paths::sort);
        hosts
    }

    /// Where the routes with this host rule are.
    fn paths(&mut self, host: &HostPattern) -> &mut Paths {
        let key = |name: &str| name.to_ascii_lowercase().into_bytes().into_boxed_slice();
        match host {
            HostPattern::Any => &mut self.any,
            HostPattern::Exact(name) => match ipv6(name.as_bytes()) {
                Some(address) => self.ipv6.entry(address).or_default(),
                None => self.hosts.entry(key(name)).or_default(),
            },
            HostPattern::Subdomains(domain) => {
                self.labels = self.labels.max(domain.split('.').count());
                self.domains.entry(key(domain)).or_default()
            }
        }
    }

    fn all_paths(&mut self) -> impl Iterator<Item = &mut Paths> {
        let named = self.hosts.values_mut().chain(self.ipv6.values_mut()).chain(self.domains.values_mut());
        named.chain([&mut self.any])
    }

    /// The first route that matches. `authority` is asked for if it matters.
    pub(super) fn first<'a>(&self, authority: impl FnOnce() -> &'a [u8], path: &[u8]) -> Option<usize> {
        let any = self.any.first(path);
        let looks_at_host = !(self.hosts.is_empty() && self.ipv6.is_empty() && self.domains.is_empty());
        let named = if looks_at_host { self.by_host(host_of(authority()), path) } else { None };
        first(any, named)
    }

    /// The first route for this host and not for every host.
    fn by_host(&self, host: &[u8], path: &[u8]) -> Option<usize> {
        let in_one = |paths: Option<&Paths>| paths.and_then(|paths| paths.first(path));
        if let Some(address) = ipv6(host) {
            return in_one(self.ipv6.get(&address));
        }
        let mut space = [0; LONGEST_HOST];
        let lower = space.get_mut(..host.len())?;
        lower.copy_from_slice(host);
        lower.make_ascii_lowercase();
        let host = &*lower;
        let exact = in_one(self.hosts.get(host));
        // A subdomain has something before the dot.
        let dots = memchr::memrchr_iter(b'.', host).take(self.labels).filter(|&dot| dot > 0);
        dots.fold(exact, |found, dot| first(found, in_one(self.domains.get(&host[dot + 1..]))))
    }
}

/// The first of two.
fn first(one: Option<usize>, other: Option<usize>) -> Option<usize> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The host of an authority, without the port and without the dot that ends a fully qualified name.
pub(super) fn host_of(authority: &[u8]) -> &[u8] {
    let host = if authority.first() == Some(&b'[') {
        memchr::memchr(b']', authority).map_or(authority, |end| &authority[..=end])
    } else {
        memchr::memchr(b':', authority).map_or(authority, |colon| &authority[..colon])
    };
    host.strip_suffix(b".").unwrap_or(host)
}

/// The IPv6 address in brackets.
fn ipv6(host: &[u8]) -> Option<Ipv6Addr> {
    let address = host.strip_prefix(b"[")?.strip_suffix(b"]")?;
    std::str::from_utf8(address).ok()?.parse().ok()
}
