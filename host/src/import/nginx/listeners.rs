//! The listeners: every address once, with the settings of the servers on it.

use super::super::draft::{Draft, ListenerDraft};
use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::paths::Paths;
use super::super::value;
use super::quantity;
use super::scope::Scope;
use super::server::{Listen, Purpose, Server};
use crate::config::literal;

/// Timeouts: directive, key, nginx's default.
const TIMES: [(&str, &str, u64); 5] = [
    ("client_header_timeout", "header_timeout", 60_000),
    ("client_body_timeout", "body_timeout", 60_000),
    ("keepalive_timeout", "keepalive_timeout", 75_000),
    ("keepalive_time", "max_connection_age", 3_600_000),
    ("send_timeout", "send_timeout", 60_000),
];

/// What nginx takes of a body if nothing is written.
const BODY: u64 = 1 << 20;

/// The largest limit of a body.
const MOST_BODY: u64 = (1 << 20) * value::GIB;

/// The addresses in the order of the file, each with its servers.
pub(super) fn addresses(servers: &[Server<'_>]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for listen in servers.iter().flat_map(|server| &server.listens) {
        if !found.contains(&listen.address) {
            found.push(listen.address.clone());
        }
    }
    found
}

/// The servers at an address, with what they say of it.
pub(super) fn at<'s, 'a>(servers: &'s [Server<'a>], address: &str) -> Vec<(&'s Server<'a>, &'s Listen<'a>)> {
    let here = |server: &'s Server<'a>| {
        server.listens.iter().find(|listen| listen.address == address).map(|listen| (server, listen))
    };
    servers.iter().filter_map(here).collect()
}

/// The server that gets what no other one at the address is named for.
pub(super) fn default_at<'s, 'a>(servers: &'s [Server<'a>], address: &str) -> Option<&'s Server<'a>> {
    let here = at(servers, address);
    let explicit = here.iter().find(|(_, listen)| listen.is_default);
    explicit.or_else(|| here.first()).map(|(server, _)| *server)
}

/// Whether nothing at the address serves, but something sends clients to HTTPS.
pub(super) fn redirects(servers: &[Server<'_>], address: &str) -> bool {
    let here = at(servers, address);
    let redirects = |server: &Server<'_>, listen: &Listen<'_>| {
        !listen.has_tls && (server.purpose == Purpose::RedirectsToHttps || server.redirects_clear)
    };
    let refuses = |server: &Server<'_>| server.purpose == Purpose::Refuses;
    here.iter().any(|(server, listen)| redirects(server, listen))
        && here.iter().all(|(server, listen)| redirects(server, listen) || refuses(server))
}

/// Writes a listener for each address at which something is done.
pub(super) fn write(ledger: &mut Ledger, draft: &mut Draft, servers: &[Server<'_>], paths: &Paths) {
    for address in addresses(servers) {
        let here = at(servers, &address);
        let redirects = redirects(servers, &address);
        let serves = here.iter().any(|(server, _)| server.purpose == Purpose::Serves);
        if !redirects && !serves {
            continue;
        }
        let main = here.iter().find(|(server, _)| server.purpose == Purpose::Serves).or_else(|| here.first());
        let Some((main, _)) = main else { continue };
        let from: Vec<_> = here
            .iter()
            .filter_map(|(_, listen)| listen.directive.map(|directive| ledger.named(directive.place)))
            .collect();
        let mut listener = ListenerDraft {
            comment: if from.is_empty() { "no `listen`: port 80".into() } else { from.join(", ") },
            address,
            ..ListenerDraft::default()
        };
        limits(ledger, &main.scope, &mut listener.keys);
        others_differ(ledger, &here, main);
        if redirects {
            listener.keys.set("redirect", literal("https"));
        } else {
            listener.keys.set("path_normalization", literal("match"));
            body(ledger, &here, &mut listener.keys);
        }
        if let Some(streams) = main.scope.find("http2_max_concurrent_streams") {
            if let Some(streams) =
                streams.arg(0).parse::<u64>().ok().filter(|number| (1..=10_000).contains(number))
            {
                listener.keys.set("http2_max_streams", streams.to_string());
            }
            ledger.carry(streams.place);
        }
        let has_http2 = here.iter().any(|(_, listen)| listen.has_http2);
        if !has_http2 {
            listener.keys.set("http2", literal("off"));
        }
        senders(ledger, &here, &mut listener.keys);
        if here.iter().any(|(_, listen)| listen.has_tls)
            && !super::tls::write(ledger, &here, &mut listener, paths)
        {
            continue;
        }
        draft.listeners.push(listener);
    }
}

/// Times and sizes that hold for every request of a listener.
fn limits(ledger: &mut Ledger, scope: &Scope<'_>, keys: &mut Keys) {
    for (name, key, default) in TIMES {
        let directive = scope.find(name);
        let time = directive.and_then(|directive| quantity::time(directive.arg(0)));
        if let Some(directive) = directive {
            ledger.carry(directive.place);
        }
        match (directive, time) {
            (Some(directive), Some(0)) if name == "keepalive_timeout" => {
                keys.set("keepalive_requests", "1");
                ledger.near(directive.place, "connections end after their first request");
            }
            (Some(directive), Some(time)) if !(1..=value::DAY_MS).contains(&time) => {
                keys.set(key, value::duration(time.clamp(1, value::DAY_MS)));
                ledger.near(directive.place, "a timeout is from 1 ms to 24 h here");
            }
            _ => keys.set(key, value::duration(time.unwrap_or(default))),
        }
    }
    keys.set("min_body_rate", value::size(0));
    keys.set("min_send_rate", value::size(0));
    let requests = scope.find("keepalive_requests");
    if let Some(directive) = requests {
        ledger.carry(directive.place);
    }
    let requests = requests.and_then(|directive| directive.arg(0).parse::<u64>().ok()).unwrap_or(1_000);
    if keys.get("keepalive_requests").is_none() {
        keys.set("keepalive_requests", requests.clamp(1, 1_000_000_000).to_string());
    }
    if let Some(directive) = scope.find("large_client_header_buffers")
        && let (Ok(number), Some(size)) = (directive.arg(0).parse::<u64>(), quantity::size(directive.arg(1)))
    {
        keys.set("max_header_bytes", value::size(number.saturating_mul(size).clamp(8 << 10, 1 << 20)));
        keys.set("max_uri_bytes", value::size(size.clamp(256, 8 << 10)));
        if size >= 8 << 10 {
            let uri = size.min(number.saturating_mul(size).clamp(8 << 10, 1 << 20)).min(63 << 10);
            keys.set("max_uri_bytes", value::size(uri));
        }
        ledger.near(
            directive.place,
            "the whole head has `max_header_bytes`, its target `max_uri_bytes`; nginx limits each line",
        );
    }
}

/// A listener has one value, where each server may have its own.
fn others_differ(ledger: &mut Ledger, here: &[(&Server<'_>, &Listen<'_>)], main: &Server<'_>) {
    let names = TIMES.map(|(name, _, _)| name);
    for (server, _) in here {
        for name in names.into_iter().chain([
            "keepalive_requests",
            "large_client_header_buffers",
            "http2_max_concurrent_streams",
        ]) {
            let (own, held) = (server.scope.find(name), main.scope.find(name));
            if let Some(own) = own
                && held.is_none_or(|held| held.args != own.args)
            {
                ledger.list(own.place, Rank::B, "the listener has one value for all its servers, which is that of the first; change it there");
            }
        }
    }
}

/// The largest body that any server or location at the address takes; routes have what is smaller.
fn body(ledger: &mut Ledger, here: &[(&Server<'_>, &Listen<'_>)], keys: &mut Keys) {
    let mut found = Vec::new();
    for (server, _) in here.iter().filter(|(server, _)| server.purpose == Purpose::Serves) {
        let outer = server.scope.find("client_max_body_size");
        found.push((outer, outer.map_or(Some(BODY), |found| quantity::size(found.arg(0)))));
        server.directive.each(&mut |child| {
            if child.name == "client_max_body_size" {
                found.push((Some(child), quantity::size(child.arg(0))));
            }
        });
    }
    // Nothing is larger than 0, which is no limit.
    let weight = |size: u64| if size == 0 { u64::MAX } else { size };
    let Some(largest) = found.iter().filter_map(|(_, size)| *size).max_by_key(|size| weight(*size)) else {
        return;
    };
    let largest = largest.min(MOST_BODY);
    keys.set("max_body", value::size(largest));
    for (directive, size) in found {
        let Some(directive) = directive else { continue };
        match size {
            Some(_) => ledger.carry(directive.place),
            None => ledger.list(directive.place, Rank::B, "is no size of a body"),
        }
    }
}

/// The largest body at a place, as it is written.
pub(super) fn max_body(scope: &Scope<'_>) -> Option<String> {
    let size = scope.find("client_max_body_size").map_or(Some(BODY), |found| quantity::size(found.arg(0)))?;
    Some(value::size(size.min(MOST_BODY)))
}

/// Who is believed what he says of the client's address.
fn senders(ledger: &mut Ledger, here: &[(&Server<'_>, &Listen<'_>)], keys: &mut Keys) {
    let takes_header = here.iter().any(|(_, listen)| listen.has_proxy_header);
    let Some((server, _)) = here.first() else { return };
    let from: Vec<_> = server.scope.all(&["set_real_ip_from"]);
    let field = server.scope.find("real_ip_header");
    let name = field.map_or("X-Real-IP", |field| field.arg(0));
    let networks =
        || from.iter().map(|found| found.arg(0)).filter(|text| value::is_network(text)).collect::<Vec<_>>();
    let mut carry = |also: &[&str]| {
        from.iter().chain(field.iter()).for_each(|found| ledger.carry(found.place));
        also.iter().filter_map(|name| server.scope.find(name)).for_each(|found| ledger.carry(found.place));
    };
    if takes_header {
        let believed = networks();
        if name.eq_ignore_ascii_case("proxy_protocol") && !believed.is_empty() {
            carry(&["real_ip_recursive"]);
            keys.set("proxy_protocol", format!("{{ from = {} }}", value::texts(believed)));
        } else {
            keys.set("proxy_protocol", "{ from = [\"0.0.0.0/0\", \"::/0\"] }");
            for listen in here.iter().filter_map(|(_, listen)| listen.directive) {
                ledger.near(
                    listen.place,
                    "every sender of PROXY headers is believed; name yours in `proxy_protocol.from`",
                );
            }
        }
    } else if name.eq_ignore_ascii_case("X-Forwarded-For") && !networks().is_empty() {
        keys.set("trusted_proxies", value::texts(networks()));
        carry(&["real_ip_recursive"]);
        if let Some(field) = field
            && server.scope.find("real_ip_recursive").is_none_or(|found| found.arg(0) != "on")
        {
            ledger.near(field.place, "X-Forwarded-For is read from its end to the first address that isn't trusted, as with `real_ip_recursive on`");
        }
    } else if !from.is_empty() {
        let why = "the client's address is taken from X-Forwarded-For only; have the proxy in front send it, and write `trusted_proxies`";
        from.iter().chain(field.iter()).for_each(|found| ledger.list(found.place, Rank::B, why));
    }
    for found in &from {
        if !value::is_network(found.arg(0)) {
            ledger.list(found.place, Rank::B, "is no network that can be named here");
        }
    }
}
