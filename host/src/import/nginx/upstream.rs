//! `upstream`: the pools, as far as they don't depend on who asks.

use super::super::draft::{BackendDraft, PoolDraft};
use super::super::ledger::{Ledger, Rank};
use super::super::{balance, listing, value};
use super::tree::Directive;
use super::{quantity, sticky};
use crate::config::literal;

/// An `upstream`, or an address that is written in a `proxy_pass`.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    pub(super) name: String,
    /// What its pools begin with. One without a backend that serves comes to nothing.
    pub(super) pool: PoolDraft,
}

/// One failure in 10 s, which is nginx's default.
const FAILURES: (u64, u64) = (1, 10_000);

/// What is gathered of all servers of an upstream.
#[derive(Debug, Default)]
struct Servers {
    pool: PoolDraft,
    /// `max_fails` and `fail_timeout` of each, with its directive.
    failures: Vec<(u64, u64)>,
    /// `max_conns` of each; 0 for none.
    connections: Vec<u64>,
}

pub(super) fn read(ledger: &mut Ledger, directive: &Directive, workers: u64) -> Upstream {
    let name = directive.arg(0).to_owned();
    ledger.carry(directive.place);
    let mut servers = Servers::default();
    servers.pool.name = value::name(&name);
    servers.pool.comment = format!("upstream {name}, {}", ledger.named(directive.place));
    servers.pool.keys.set("idle_connections", "0");
    for child in directive.children() {
        match child.name.as_str() {
            "server" => server(ledger, child, &mut servers),
            _ => setting(ledger, child, &mut servers.pool, workers),
        }
    }
    limit_connections(&mut servers);
    eject(ledger, directive, &mut servers);
    Upstream { name, pool: servers.pool }
}

fn server(ledger: &mut Ledger, directive: &Directive, servers: &mut Servers) {
    let written = directive.arg(0);
    let Some(address) = address(written) else {
        ledger.list(
            directive.place,
            Rank::B,
            "is no host with a port, and no Unix socket with its whole path",
        );
        return;
    };
    ledger.carry(directive.place);
    let mut server = Server {
        backend: BackendDraft { address, ..BackendDraft::default() },
        failures: FAILURES,
        connections: 0,
    };
    for arg in directive.args.iter().skip(1) {
        if arg.starts_with("slow_start=") {
            slow_start(ledger, directive, arg, &mut servers.pool);
        } else if let Err(why) = server.parameter(arg, written) {
            ledger.list_piece(directive.place, arg, Rank::B, why);
        }
    }
    match listing::add(&mut servers.pool, server.backend) {
        Ok(()) => {
            servers.failures.push(server.failures);
            servers.connections.push(server.connections);
        }
        Err(why) => ledger.list(directive.place, Rank::B, why),
    }
}

/// What is read of a `server`.
struct Server {
    backend: BackendDraft,
    failures: (u64, u64),
    connections: u64,
}

impl Server {
    /// Takes a parameter, or says why not.
    fn parameter(&mut self, arg: &str, written: &str) -> Result<(), &'static str> {
        let (key, given) = arg.split_once('=').unwrap_or((arg, ""));
        let backend = &mut self.backend;
        match (key, given.parse::<u64>().ok()) {
            ("weight", Some(weight)) => {
                backend.keys.set("weight", weight.clamp(1, 1_000).to_string());
                if weight > 1_000 {
                    return Err("the greatest weight is 1000; lower all weights of the pool");
                }
            }
            ("backup", _) => backend.keys.set("backup", "true"),
            // As `down`, but for clients that were there.
            ("down" | "drain", _) => {
                backend.keys.set("draining", "true");
                backend.is_draining = true;
            }
            ("max_fails", Some(most)) => self.failures.0 = most,
            ("fail_timeout", _) => self.failures.1 = quantity::time(given).unwrap_or(self.failures.1),
            ("max_conns", Some(most)) => self.connections = most,
            ("resolve", _) if written.parse::<std::net::SocketAddr>().is_err() => {
                backend.resolve = Some("each")
            }
            ("service", _) => {
                let host = written.split(':').next().unwrap_or(written);
                let service = if given.contains('.') { given.to_owned() } else { format!("_{given}._tcp") };
                backend.address = format!("{service}.{host}");
                backend.resolve = Some("srv");
            }
            ("route", _) => return Err("the values of session cookies are made of the backends' names"),
            _ => return Err("isn't carried over"),
        }
        Ok(())
    }
}

fn slow_start(ledger: &mut Ledger, directive: &Directive, arg: &str, pool: &mut PoolDraft) {
    let time = arg.split_once('=').and_then(|(_, time)| quantity::time(time));
    if let Some(time) = time.filter(|time| *time <= 3_600_000) {
        pool.keys.set("slow_start", value::duration(time));
        return;
    }
    ledger.list_piece(directive.place, arg, Rank::B, "is no time of at most 1 h");
}

/// Host and port, with the port that nginx takes if there is none.
pub(super) fn address(written: &str) -> Option<String> {
    if written.starts_with("unix:") {
        return listing::is_socket(written).then(|| written.to_owned());
    }
    let with_port = match written.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && (!host.contains(':') || host.ends_with(']')) =>
        {
            written.to_owned()
        }
        _ => format!("{written}:80"),
    };
    listing::is_address(&with_port).then_some(with_port)
}

fn setting(ledger: &mut Ledger, directive: &Directive, pool: &mut PoolDraft, workers: u64) {
    let place = directive.place;
    match directive.name.as_str() {
        "least_conn" => {
            pool.keys.set("policy", literal("least-conn"));
            ledger.carry(place);
        }
        "ip_hash" => {
            pool.keys.set("policy", literal("ip-hash"));
            ledger.near(place, "nginx counts the first three parts of an IPv4 address, `ip-hash` all of it; clients come to other backends than before");
        }
        "random" => {
            pool.keys.set("policy", balance::random(if directive.arg(0) == "two" { 2 } else { 1 }));
            match directive.arg(1) {
                "" | "least_conn" => ledger.carry(place),
                _ => ledger.near(place, "of the two the one with fewer requests gets it, not the faster one"),
            }
        }
        "least_time" => {
            pool.keys.set("policy", literal("least-time"));
            match directive.arg(0) {
                "header" => ledger.carry(place),
                _ => ledger.near(place, "times count up to the head of a response, not to its end"),
            }
        }
        "hash" => {
            let (policy, why) = hashed(directive.arg(0));
            pool.keys.set("policy", policy);
            ledger.near(place, why);
        }
        "keepalive" => {
            let Ok(kept) = directive.arg(0).parse::<u64>() else { return };
            let all = kept.saturating_mul(workers).min(100_000);
            pool.keys.set("idle_connections", all.to_string());
            let why = format!(
                "nginx keeps {kept} in each of its {workers} workers, for all backends; `idle_connections` is for each backend, over all workers"
            );
            ledger.near(place, why);
        }
        "keepalive_timeout" => {
            if let Some(time) =
                quantity::time(directive.arg(0)).filter(|time| (1..=value::DAY_MS).contains(time))
            {
                pool.keys.set("idle_connection_timeout", value::duration(time));
                ledger.carry(place);
            }
        }
        "sticky" => pool.responses.sticky = sticky::read(ledger, directive),
        "keepalive_requests" | "keepalive_time" => {
            ledger.list(place, Rank::C, "connections to backends are kept until they are idle for too long");
        }
        _ => {}
    }
}

/// `max_conns` is the pool's where all backends have the same, else each backend's own. Where there is none, there is no limit.
fn limit_connections(servers: &mut Servers) {
    let Servers { pool, connections, .. } = servers;
    let limit = |most: u64| most.min(1_000_000).to_string();
    match connections.as_slice() {
        [first, others @ ..] if others.iter().all(|most| most == first) => {
            if *first > 0 {
                pool.keys.set("max_requests", limit(*first));
            }
        }
        connections => {
            let limited = pool.backends.iter_mut().zip(connections).filter(|(_, most)| **most > 0);
            limited.for_each(|(backend, most)| backend.keys.set("max_requests", limit(*most)));
        }
    }
}

/// One rule for the pool, which is that of its first server with one.
fn eject(ledger: &mut Ledger, directive: &Directive, servers: &mut Servers) {
    let ejection = &mut servers.pool.ejection;
    let Some(&(most, time)) = servers.failures.iter().find(|(most, _)| *most > 0) else {
        ejection.set("enabled", "false");
        return;
    };
    ejection.set("consecutive_gateway_failures", most.to_string());
    ejection.set("consecutive_5xx", "0");
    ejection.set("failure_percent", "0");
    ejection.set("base_time", value::duration(time.clamp(100, value::DAY_MS)));
    for child in directive.children() {
        let parts: Vec<_> = child
            .args
            .iter()
            .filter(|arg| arg.starts_with("max_fails=") || arg.starts_with("fail_timeout="))
            .cloned()
            .collect();
        if !parts.is_empty() {
            let time = value::duration(time);
            let failures =
                if most == 1 { "one failure".to_owned() } else { format!("{most} failures in a row") };
            let why = format!(
                "ejection is one rule for the pool: {failures}, which may be a 502, 503 or 504 as well, ejects for {}, and the next time for longer",
                time.trim_matches('"')
            );
            ledger.list_piece(child.place, &parts.join(" "), Rank::B, why);
        }
    }
}

/// The policy in the place of `hash`, and what is different about it.
fn hashed(by: &str) -> (String, &'static str) {
    match (by, key(by)) {
        ("$remote_addr" | "$binary_remote_addr", _) => {
            (literal("ip-hash"), "clients come to other backends than before, and keep them")
        }
        ("$request_uri", _) => (
            balance::hashed("path", 0),
            "the query doesn't count; keys come to other backends than before, and keep them",
        ),
        (_, Some(key)) => {
            (balance::hashed(&key, 0), "keys come to other backends than before, and keep them")
        }
        (_, None) => (
            literal("least-conn"),
            "requests don't stay with the backend of their key; write a policy with `Request::hash`, see docs/policies.md",
        ),
    }
}

/// What `ring-hash` calls the key that is one variable.
fn key(variable: &str) -> Option<String> {
    let name = variable.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    Some(match name.split_once('_') {
        Some(("http", field)) => format!("header:{}", field.to_ascii_lowercase().replace('_', "-")),
        Some(("cookie", cookie)) => format!("cookie:{cookie}"),
        Some(("arg", parameter)) => format!("query:{parameter}"),
        _ => match name {
            "uri" | "document_uri" => "path".to_owned(),
            "host" => "header:host".to_owned(),
            _ => return None,
        },
    })
}
