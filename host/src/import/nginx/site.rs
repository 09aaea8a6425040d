//! From the directives of a file to the configuration: upstreams, servers, listeners, routes, and what is left.

use super::super::draft::Draft;
use super::super::ledger::{Ledger, Rank};
use super::super::paths::Paths;
use super::super::value;
use super::pass::Pools;
use super::scope::Scope;
use super::server::{Purpose, Server};
use super::tree::Directive;
use super::upstream::Upstream;
use super::{catalogue, guards, headers, listeners, pass, quantity, routes, server, upstream, variables};
use crate::config::literal;

/// Everything of a file, carried over or listed.
pub(super) fn import(ledger: &mut Ledger, directives: &[Directive], machine: u64, paths: &Paths) -> Draft {
    let mut draft = Draft::default();
    let named = |name: &str| directives.iter().filter(|directive| directive.name == name).collect::<Vec<_>>();
    let blocks = named("http");
    blocks.iter().chain(&named("events")).for_each(|block| ledger.carry(block.place));
    let workers = workers(ledger, directives, machine, &mut draft);
    let root = Scope::new(directives);
    let is_whole = !blocks.is_empty();
    // A fragment is what stands in an `http` block elsewhere.
    let (scopes, inside): (Vec<_>, Vec<&Directive>) = match is_whole {
        true => (
            blocks.iter().map(|block| root.inside(block)).collect(),
            blocks.iter().flat_map(|block| block.children()).collect(),
        ),
        false => (vec![root], directives.iter().collect()),
    };
    let upstreams: Vec<Upstream> = inside
        .iter()
        .filter(|directive| directive.name == "upstream")
        .map(|directive| upstream::read(ledger, directive, workers))
        .collect();
    let servers: Vec<Server<'_>> = scopes
        .iter()
        .flat_map(|scope| {
            scope.own("server").map(|found| server::read(ledger, scope, found)).collect::<Vec<_>>()
        })
        .collect();
    listeners::write(ledger, &mut draft, &servers, paths);
    hsts(ledger, &mut draft, &servers);
    let mut pools = Pools { draft: &mut draft, upstreams: &upstreams, paths };
    routes::write(ledger, &mut pools, &servers, is_whole);
    unreached(ledger, &mut draft, scopes.first(), &upstreams);
    draft.share_pages();
    access_log(ledger, &mut draft, &inside, &servers, paths);
    resolver(ledger, &mut draft, &inside, &servers);
    for server in &servers {
        conditions(ledger, server, &inside);
        if server.purpose != Purpose::Serves {
            without_use(ledger, server);
        }
    }
    for map in inside.iter().filter(|found| found.name == "map" && variables::is_upgrade_map(found)) {
        ledger.carry(map.place);
        map.children().iter().for_each(|entry| ledger.carry(entry.place));
    }
    directives.iter().for_each(|directive| close(ledger, directive));
    draft
}

fn workers(ledger: &mut Ledger, directives: &[Directive], machine: u64, draft: &mut Draft) -> u64 {
    let Some(found) = directives.iter().find(|found| found.name == "worker_processes") else {
        return machine;
    };
    match found.arg(0).parse::<u64>() {
        Ok(number @ 1..=1024) => {
            draft.top.set("workers", number.to_string());
            ledger.carry(found.place);
            number
        }
        _ if found.arg(0) == "auto" => {
            ledger.carry(found.place);
            machine
        }
        _ => {
            ledger.list(found.place, Rank::B, "is no number of workers from 1 to 1024");
            machine
        }
    }
}

/// Upstreams that no location leads to, or none that could be carried over.
fn unreached(ledger: &mut Ledger, draft: &mut Draft, scope: Option<&Scope<'_>>, upstreams: &[Upstream]) {
    let Some(scope) = scope else { return };
    for upstream in upstreams.iter().filter(|upstream| upstream.pool.serves()) {
        if draft.pools.iter().any(|pool| pool.comment == upstream.pool.comment) {
            continue;
        }
        let mut pool = upstream.pool.clone();
        pool.comment.push_str("; no route leads to it");
        pass::settle(ledger, scope, "proxy", &mut pool);
        pass::put(draft, pool);
    }
    // Pools in the order of the file.
    let place = |name: &str| {
        let is_it = |upstream: &Upstream| {
            upstream.pool.name == name || name.starts_with(&format!("{}_", upstream.pool.name))
        };
        upstreams.iter().position(is_it).unwrap_or(upstreams.len())
    };
    draft.pools.sort_by_key(|pool| place(&pool.name));
}

/// The header of the listeners with TLS, if all that serves there agrees on it.
fn hsts(ledger: &mut Ledger, draft: &mut Draft, servers: &[Server<'_>]) {
    for listener in draft.listeners.iter_mut().filter(|listener| !listener.tls.is_empty()) {
        let here = listeners::at(servers, &listener.address);
        let values: Vec<_> = here
            .iter()
            .filter(|(server, _)| server.purpose == Purpose::Serves)
            .map(|(server, _)| headers::hsts(&server.scope))
            .collect();
        let Some(Some(first)) = values.first() else { continue };
        let value = first.arg(1);
        let is_alike = values.iter().all(|found| found.is_some_and(|found| found.arg(1) == value));
        let is_good =
            value.starts_with("max-age=") && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        for found in values.iter().flatten() {
            match is_alike && is_good {
                true => ledger.carry(found.place),
                false => ledger.list(
                    found.place,
                    Rank::B,
                    "not all servers of the listener say it alike; write `hsts` in `[listener.tls]`",
                ),
            }
        }
        if is_alike && is_good {
            listener.tls.set("hsts", literal(value));
        }
    }
}

/// There is one access log, which is the first.
fn access_log(
    ledger: &mut Ledger,
    draft: &mut Draft,
    inside: &[&Directive],
    servers: &[Server<'_>],
    paths: &Paths,
) {
    let http = inside.iter().copied().filter(|found| found.name == "access_log");
    let found: Vec<&Directive> =
        http.chain(servers.iter().flat_map(|server| server.scope.own("access_log"))).collect();
    for log in found {
        let path = log.arg(0);
        if path == "off" {
            ledger.list(
                log.place,
                Rank::C,
                "there is one access log for all, and none without `[access_log]`",
            );
            continue;
        }
        if path.starts_with("syslog:") || path.contains('$') {
            ledger.list(
                log.place,
                Rank::B,
                "the access log goes to a file or to standard output; write `[access_log]`",
            );
            continue;
        }
        let path = if path == "/dev/stdout" { "-".to_owned() } else { paths.of(path) };
        match draft.access_log.get("path") {
            None => {
                draft.access_log.set("format", literal("text"));
                draft.access_log.set("path", literal(&path));
                ledger.carry(log.place);
                if log.args.len() > 1 {
                    ledger.list_piece(
                        log.place,
                        &log.args[1..].join(" "),
                        Rank::B,
                        "lines have the combined format and more fields after it, as docs/access-log.md says",
                    );
                }
            }
            Some(first) if *first == literal(&path) => ledger.carry(log.place),
            Some(_) => ledger.list(log.place, Rank::B, "there is one access log for all, which is the first"),
        }
    }
}

fn resolver(ledger: &mut Ledger, draft: &mut Draft, inside: &[&Directive], servers: &[Server<'_>]) {
    let http = inside.iter().copied().filter(|found| found.name == "resolver");
    let Some(found) = http.chain(servers.iter().flat_map(|server| server.scope.own("resolver"))).next()
    else {
        return;
    };
    let mut addresses = Vec::new();
    let mut most = None;
    for arg in &found.args {
        match arg.split_once('=') {
            Some(("valid", time)) => most = quantity::time(time),
            Some(_) => ledger.list_piece(found.place, arg, Rank::B, "addresses of both kinds are taken"),
            None => {
                let is_one =
                    arg.parse::<std::net::IpAddr>().is_ok() || arg.parse::<std::net::SocketAddr>().is_ok();
                match is_one && addresses.len() < 8 && !addresses.contains(arg) {
                    true => addresses.push(arg.clone()),
                    false => {
                        ledger.list_piece(found.place, arg, Rank::B, "DNS servers are at most 8 IP addresses")
                    }
                }
            }
        }
    }
    if addresses.is_empty() {
        return;
    }
    draft.dns.set("servers", value::texts(addresses));
    if let Some(most) = most {
        draft.dns.set("max_ttl", value::duration(most.clamp(5_000, value::DAY_MS)));
        ledger.list_piece(
            found.place,
            "valid",
            Rank::B,
            "nginx keeps an answer so long whatever its TTL; `max_ttl` is the most, and a shorter TTL counts",
        );
    }
    ledger.carry(found.place);
}

/// Conditions of a server, which hold for all of its locations.
fn conditions(ledger: &mut Ledger, server: &Server<'_>, inside: &[&Directive]) {
    for condition in server.scope.own("if") {
        if !ledger.is_open(condition.place) {
            continue;
        }
        let asked = condition.args.join(" ");
        let by_address = inside.iter().filter(|found| found.name == "geo").any(|geo| {
            geo.args.last().is_some_and(|name| asked.trim_start_matches('(').split(' ').next() == Some(name))
        });
        let (rank, why) = match (guards::refuses(condition), by_address) {
            (true, _) => (Rank::A, "requests that are refused by a condition aren't"),
            (false, true) => (Rank::A, "the client's address decides nothing here"),
            (false, false) => (Rank::B, "conditions decide nothing here; give such requests a route"),
        };
        ledger.list(condition.place, rank, why);
        condition.each(&mut |child| {
            if ledger.is_open(child.place) {
                ledger.list(child.place, rank, why);
            }
        });
    }
}

/// What stands in a server that only redirects or refuses.
fn without_use(ledger: &mut Ledger, server: &Server<'_>) {
    ledger.carry(server.directive.place);
    let refuses = server.purpose == Purpose::Refuses;
    for answer in server.scope.own("return") {
        if !ledger.is_open(answer.place) {
            continue;
        }
        let (rank, why) = match answer.arg(0) {
            "444" => (Rank::B, "closes the connection; requests of hosts without a route get a 404"),
            _ => (Rank::B, "requests of hosts without a route get a 404"),
        };
        ledger.near(answer.place, why);
        let _ = rank;
    }
    for name in ["server_name", "listen"] {
        for found in server.scope.own(name) {
            if ledger.is_open(found.place) {
                ledger.carry(found.place);
            }
        }
    }
    for location in
        server.scope.own("location").filter(|location| ledger.is_open(location.place)).collect::<Vec<_>>()
    {
        let why = match refuses {
            true => "the server answers everything by itself",
            false => {
                "the listener redirects everything; give what must be served in clear a listener of its own"
            }
        };
        catalogue::list_block(ledger, location, Rank::B, why);
    }
}

/// Lists what nothing has spoken for.
fn close(ledger: &mut Ledger, directive: &Directive) {
    let is_stream = matches!(directive.name.as_str(), "stream" | "mail");
    if is_stream && ledger.is_open(directive.place) {
        let why = "only HTTP is carried over; clients find nobody there";
        return catalogue::list_block(ledger, directive, Rank::B, why);
    }
    catalogue::list(ledger, directive);
    // What stands in these are values, not directives.
    let has_values = ["map", "geo", "split_clients", "types", "match", "geoip2", "charset_map"];
    if has_values.contains(&directive.name.as_str()) {
        let (rank, why) = catalogue::known(&directive.name).unwrap_or((Rank::B, "goes with its block"));
        directive.each(&mut |child| match directive.name.as_str() {
            // There are dozens of them, and none matters.
            "types" => ledger.cover(child.place),
            _ if ledger.is_open(child.place) => ledger.list(child.place, rank, why),
            _ => {}
        });
        return;
    }
    directive.children().iter().for_each(|child| close(ledger, child));
}
