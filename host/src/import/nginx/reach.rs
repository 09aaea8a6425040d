//! Which requests come to a server: those of its names at its addresses, and those of all other hosts where it is the default.

use super::super::draft::Draft;
use super::super::ledger::{Ledger, Rank};
use super::super::matching::{Kind, Test};
use super::listeners;
use super::server::{Name, Purpose, Server};

/// The addresses of the listeners that lead to routes.
pub(super) fn open(draft: &Draft) -> Vec<String> {
    let open = draft.listeners.iter().filter(|listener| listener.keys.get("redirect").is_none());
    open.map(|listener| listener.address.clone()).collect()
}

/// What routes of a server ask, each with its rank among all: exact names first, then the longest domain, then what is for all others.
pub(super) fn asked(
    ledger: &mut Ledger,
    servers: &[Server<'_>],
    server: &Server<'_>,
    open: &[String],
    is_whole: bool,
) -> Vec<((u8, usize), Vec<Test>)> {
    let own: Vec<&String> = open
        .iter()
        .filter(|address| server.listens.iter().any(|listen| listen.address == **address))
        .collect();
    let is_default = |address: &&&String| is_default(servers, server, address, is_whole);
    let needs_name = |address: &&&String| !is_default(address) || others_go_before(servers, server, address);
    let default: Vec<&String> = own.iter().filter(is_default).copied().collect();
    let named: Vec<&String> = own.iter().filter(needs_name).copied().collect();
    let mut asked = Vec::new();
    if !named.is_empty() {
        asked.extend(
            hosts(server)
                .into_iter()
                .map(|(rank, host)| (rank, by(&named, open).into_iter().chain([host]).collect())),
        );
    }
    if !default.is_empty() {
        asked.push(((2, 0), by(&default, open).into_iter().collect()));
    }
    tell_missing(ledger, servers, server, &own, (&default, asked.is_empty()));
    asked
}

/// What is asked of the listener, if not all of them will do.
fn by(addresses: &[&String], open: &[String]) -> Option<Test> {
    let all = addresses.len() == open.len();
    (!all).then(|| Test::new(Kind::Listener, addresses.iter().map(|address| (*address).clone()).collect()))
}

/// Whether the server gets the requests of all hosts that no other one at the address is named for.
fn is_default(servers: &[Server<'_>], server: &Server<'_>, address: &str, is_whole: bool) -> bool {
    let is_it = listeners::default_at(servers, address)
        .is_some_and(|found| found.directive.place == server.directive.place);
    let is_explicit = server.listens.iter().any(|listen| listen.address == address && listen.is_default);
    // A fragment doesn't show the servers beside it: unless it says so, a server with names isn't known to be the default.
    is_it && (is_explicit || is_whole || server.names.is_empty())
}

/// Whether a domain of another server at the address has a name of this one below it, which is the more exact.
fn others_go_before(servers: &[Server<'_>], server: &Server<'_>, address: &str) -> bool {
    let here = listeners::at(servers, address);
    let others = here.iter().filter(|(other, _)| {
        other.purpose == Purpose::Serves && other.directive.place != server.directive.place
    });
    let mut domains = others.flat_map(|(other, _)| &other.names).filter_map(|name| match name {
        Name::Below(domain) => Some(domain.as_str()),
        Name::Exact(_) => None,
    });
    domains.any(|domain| {
        server.names.iter().any(|name| {
            let (Name::Exact(own) | Name::Below(own)) = name;
            own.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        })
    })
}

/// For each host of a server what is asked, and its rank.
fn hosts(server: &Server<'_>) -> Vec<((u8, usize), Test)> {
    let mut exact: Vec<String> = Vec::new();
    let mut hosts = Vec::new();
    for name in &server.names {
        match name {
            Name::Exact(host) if !exact.contains(host) => exact.push(host.clone()),
            Name::Exact(_) => {}
            Name::Below(domain) => {
                hosts.push(((1, usize::MAX - domain.len()), Test::one(Kind::HostBelow, domain.clone())));
            }
        }
    }
    if !exact.is_empty() {
        hosts.insert(0, ((0, 0), Test::new(Kind::Host, exact)));
    }
    hosts
}

/// Lists what no route is for.
fn tell_missing(
    ledger: &mut Ledger,
    servers: &[Server<'_>],
    server: &Server<'_>,
    own: &[&String],
    (default, has_no_route): (&[&String], bool),
) {
    let place = server.listens.iter().find_map(|listen| listen.directive);
    let place = place.map_or(server.directive.place, |found| found.place);
    if own.is_empty() {
        // What keeps its listeners from being written has an entry of its own.
        let why = "no listener of the server leads to routes, and so none is for it";
        return ledger.list(server.directive.place, Rank::B, why);
    }
    if has_no_route {
        let why = "no route is for the server, as it names no host that a route can ask for and another one is the default; give it a name";
        return ledger.list(server.directive.place, Rank::B, why);
    }
    let may_be_default = own.iter().filter(|address| !default.contains(address)).any(|address| {
        listeners::default_at(servers, address)
            .is_some_and(|found| found.directive.place == server.directive.place)
    });
    if may_be_default {
        let why = "the server may be the default at its address, for requests of every host; here only its names find a route";
        ledger.list(place, Rank::B, why);
    }
}
