//! `backend`, and the servers of `listen`: a pool.

use super::super::draft::{BackendDraft, PoolDraft};
use super::super::ledger::{Ledger, Rank};
use super::super::{balance, listing, value};
use super::bind::Globals;
use super::chain::Chain;
use super::sections::Line;
use super::server::{self, Server};
use super::timeout::time;
use super::{bind, checks, cookie, odd, protocol, quantity};
use crate::config::literal;

/// The pool of a section; without a backend that serves it comes to nothing.
pub(super) fn read(ledger: &mut Ledger, chain: &Chain<'_>, globals: &Globals) -> PoolDraft {
    let section = chain.section();
    let mut pool = PoolDraft {
        name: value::name(section.name()),
        comment: format!("{} {}, {}", section.kind(), section.name(), ledger.named(section.header.place)),
        ..PoolDraft::default()
    };
    ledger.carry(section.header.place);
    let servers = server::read(chain);
    let limits_differ = servers.windows(2).any(|pair| most_of(&pair[0]) != most_of(&pair[1]));
    for server in &servers {
        backend(ledger, server, most_of(server).filter(|_| limits_differ), &mut pool);
    }
    for line in chain.all("default-server") {
        ledger.carry(line.place);
    }
    timeouts(ledger, chain, &mut pool);
    balancing(ledger, chain, &servers, &mut pool);
    pool.responses.sticky = cookie::sticky(ledger, chain);
    retry(ledger, chain, &mut pool);
    limits(ledger, chain, &servers, &mut pool);
    checks::write(ledger, chain, &servers, &mut pool);
    ejection(ledger, &servers, &mut pool);
    protocol::write(ledger, &servers, &mut pool, globals);
    pool
}

fn backend(ledger: &mut Ledger, server: &Server<'_>, most: Option<u64>, pool: &mut PoolDraft) {
    let place = server.line.place;
    let mut backend = BackendDraft { address: server.address.to_owned(), ..BackendDraft::default() };
    let has_port = server.address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if server.places.is_some()
        || server.parameters.has("resolvers")
        || server.parameters.get("init-addr").is_some_and(|how| how == "none")
    {
        backend.resolve = match (
            server.address.starts_with('_') && !has_port,
            server.address.parse::<std::net::SocketAddr>(),
        ) {
            (_, Ok(_)) => None,
            (true, _) => Some("srv"),
            (false, _) => Some("each"),
        };
    }
    let socket = bind::unix(server.address);
    if backend.resolve.is_none() && !has_port && socket.is_none() {
        return ledger.list(place, Rank::B, "a backend has a port, or is a Unix socket; write one");
    }
    backend.address = socket.unwrap_or_else(|| normal(&backend.address));
    backend.keys.set("name", literal(&value::name(server.name)));
    match server.parameters.get("weight").map(str::parse::<u64>) {
        Some(Ok(0)) => {
            backend.keys.set("draining", "true");
            backend.is_draining = true;
        }
        Some(Ok(weight)) => backend.keys.set("weight", weight.clamp(1, 256).to_string()),
        Some(Err(_)) => ledger.list_piece(place, "weight", Rank::B, "is no number"),
        None => {}
    }
    if let Some(most) = most {
        backend.keys.set("max_requests", most.to_string());
    }
    if server.parameters.has("disabled") {
        backend.keys.set("draining", "true");
        backend.is_draining = true;
    }
    if server.parameters.has("backup") {
        backend.keys.set("backup", "true");
    }
    backend.check_address = checks::address(ledger, server);
    odd::list(ledger, server);
    match listing::add(pool, backend) {
        Ok(()) => ledger.carry(place),
        Err(why) => ledger.list(place, Rank::B, why),
    }
}

/// `:::80` and `*:80` are no addresses of a server; `2001:db8::1:80` is one without brackets.
fn normal(address: &str) -> String {
    let address = address.split_once('@').map_or(address, |(family, rest)| match family {
        "ipv4" | "ipv6" | "tcp" | "tcp4" | "tcp6" => rest,
        _ => address,
    });
    match address.rsplit_once(':') {
        Some((host, port)) if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        _ => address.to_owned(),
    }
}

fn timeouts(ledger: &mut Ledger, chain: &Chain<'_>, pool: &mut PoolDraft) {
    let connect = time(ledger, chain, "connect").unwrap_or(value::DAY_MS);
    pool.keys.set("connect_timeout", value::duration(connect));
    let server = time(ledger, chain, "server").unwrap_or(value::DAY_MS);
    pool.keys.set("response_timeout", value::duration(server));
    pool.keys.set("idle_timeout", value::duration(server));
    let queue = time(ledger, chain, "queue").unwrap_or(connect);
    pool.queue.set("timeout", value::duration(queue));
    if chain.section().all("timeout tunnel").next().is_some()
        && let Some(tunnel) = time(ledger, chain, "tunnel")
    {
        pool.keys.set("tunnel_timeout", value::duration(tunnel));
    }
    let closes = ["http-server-close", "httpclose", "forceclose"].iter().find_map(|name| chain.option(name));
    let never = chain.find("http-reuse").filter(|line| line.word(1) == "never");
    if let Some(line) = closes.or(never) {
        pool.keys.set("idle_connections", "0");
        ledger.carry(line.place);
    } else if let Some(line) = chain.find("http-reuse") {
        ledger.carry(line.place);
    }
}

fn balancing(ledger: &mut Ledger, chain: &Chain<'_>, servers: &[Server<'_>], pool: &mut PoolDraft) {
    let Some(line) = chain.find("balance") else { return };
    let algorithm = line.word(1);
    let (name, argument) = algorithm.split_once('(').unwrap_or((algorithm, ""));
    let argument = argument.trim_end_matches(')');
    let policy = match name {
        "roundrobin" | "static-rr" => return ledger.carry(line.place),
        "leastconn" => {
            ledger.carry(line.place);
            "least-conn"
        }
        "source" => {
            ledger.near(line.place, "clients come to other backends than before, and keep them");
            "ip-hash"
        }
        "first" => {
            // Each has the same, as that of a weight of 1, or the pool's limit is each one's.
            let most = servers.iter().map(most_of).collect::<Option<Vec<u64>>>().unwrap_or_default();
            let same = most.first().filter(|first| most.iter().all(|most| most == *first));
            if same.is_none() || servers.iter().any(|server| server.parameters.has("weight")) {
                ledger.near(line.place, "requests go round, not to the first that has room; take the policy `first`, whose `requests` is the same for each unit of weight");
                return;
            }
            pool.keys.set("policy", balance::first(*same.unwrap_or(&1)));
            return ledger.carry(line.place);
        }
        "random" => {
            let draws = if argument.is_empty() { Ok(2) } else { argument.parse::<u64>() };
            pool.keys
                .set("policy", balance::random(draws.clone().unwrap_or(2).clamp(1, balance::MOST_CHOICES)));
            return match draws {
                Ok(1..=balance::MOST_CHOICES) => ledger.carry(line.place),
                _ => ledger.near(line.place, "at most 5 are drawn"),
            };
        }
        _ => {
            match key(name, argument, line) {
                Some(key) => {
                    pool.keys.set("policy", balance::hashed(&key, bound(ledger, chain)));
                    ledger.near(line.place, "keys come to other backends than before, and keep them");
                }
                None => {
                    ledger.near(line.place, "requests go round, and don't stay with the backend of their key; write a policy with `Request::hash`, see docs/policies.md");
                    hashing(ledger, chain);
                }
            }
            return check_post(ledger, line);
        }
    };
    pool.keys.set("policy", literal(policy));
}

/// What says how keys of `balance` are hashed.
const KEYED: [&str; 2] = ["hash-type", "hash-balance-factor"];

/// What a backend may have of its fair share, percent; 0 for any.
fn bound(ledger: &mut Ledger, chain: &Chain<'_>) -> u64 {
    for line in KEYED.iter().filter_map(|keyword| chain.find(keyword)) {
        ledger.carry(line.place);
    }
    let factor = chain.find("hash-balance-factor").and_then(|line| line.word(1).parse::<u64>().ok());
    factor.filter(|factor| *factor > 0).map_or(0, |factor| factor.clamp(101, 1_000))
}

fn check_post(ledger: &mut Ledger, line: &Line) {
    if line.words.iter().any(|word| word == "check_post") {
        ledger.list_piece(line.place, "check_post", Rank::B, "bodies aren't looked at");
    }
}

/// What `ring-hash` calls the key of an algorithm.
fn key(algorithm: &str, argument: &str, line: &Line) -> Option<String> {
    let parameter = line.word(2);
    match algorithm {
        "hdr" if !argument.is_empty() => Some(format!("header:{}", argument.to_ascii_lowercase())),
        "url_param" if !parameter.is_empty() => Some(format!("query:{parameter}")),
        // Of the whole, or of a part of it, only the path.
        "uri" if parameter.is_empty() => Some("path".to_owned()),
        _ => None,
    }
}

fn hashing(ledger: &mut Ledger, chain: &Chain<'_>) {
    for line in KEYED.iter().filter_map(|keyword| chain.find(keyword)) {
        ledger.list(line.place, Rank::B, "goes with the key of `balance`");
    }
}

fn retry(ledger: &mut Ledger, chain: &Chain<'_>, pool: &mut PoolDraft) {
    let retries = chain.find("retries");
    let redispatch = chain.option("redispatch");
    let on = chain.find("retry-on");
    let number = retries.and_then(|line| line.word(1).parse::<u64>().ok());
    let attempts = match (number, redispatch) {
        (Some(number), _) => number.min(10),
        (None, Some(_)) => 3,
        // HAProxy's default, which stays with the same server but for what `retry-on` says.
        (None, None) => {
            if on.is_some() {
                3
            } else {
                0
            }
        }
    };
    for line in retries.iter().chain(&redispatch) {
        ledger.near(line.place, "attempts are on other backends from the first one on; requests that are idempotent are repeated if no answer came, too");
    }
    pool.retry.set("attempts", attempts.to_string());
    let Some(on) = on else { return };
    match number.is_none() && redispatch.is_none() {
        true => ledger
            .near(on.place, "3 attempts, each on another backend, where HAProxy tries the same one again"),
        false => ledger.carry(on.place),
    }
    let mut statuses: Vec<u16> = Vec::new();
    for word in &on.words[1..] {
        match word.as_str() {
            "none" => pool.retry.set("attempts", "0"),
            "all-retryable-errors" => statuses.extend([500, 502, 503, 504]),
            "conn-failure" | "empty-response" | "response-timeout" => {}
            "junk-response" | "0rtt-rejected" => {
                ledger.list_piece(on.place, word, Rank::B, "is no reason of its own for another attempt")
            }
            _ => match word.parse::<u16>() {
                Ok(status @ 400..=599) => statuses.push(status),
                _ => ledger.list_piece(on.place, word, Rank::B, "isn't a reason for another attempt"),
            },
        }
    }
    statuses.dedup();
    if !statuses.is_empty() {
        pool.retry.set("statuses", value::list(statuses.iter().map(u16::to_string)));
    }
}

/// A value that a pool has once, of the first server that has it. Others that differ are listed.
fn shared(ledger: &mut Ledger, servers: &[Server<'_>], name: &str) -> Option<String> {
    let first = servers.iter().find_map(|server| server.parameters.get(name))?.to_owned();
    for server in servers {
        let own = server.parameters.get(name);
        if own != Some(first.as_str()) {
            let what = own.map_or_else(|| format!("no {name}"), |own| format!("{name} {own}"));
            ledger.list_piece(
                server.line.place,
                &what,
                Rank::B,
                format!("holds for all backends of a pool alike, and is taken to be {first}"),
            );
        }
    }
    Some(first)
}

/// What a server may have at a time; without it, or with 0, there is no limit.
fn most_of(server: &Server<'_>) -> Option<u64> {
    let most = server.parameters.get("maxconn")?.parse::<u64>().ok()?;
    (most > 0).then(|| most.min(1_000_000))
}

fn limits(ledger: &mut Ledger, chain: &Chain<'_>, servers: &[Server<'_>], pool: &mut PoolDraft) {
    if let [first, others @ ..] = servers
        && let Some(most) = most_of(first)
        && others.iter().all(|other| most_of(other) == Some(most))
    {
        pool.keys.set("max_requests", most.to_string());
    }
    if let Some(most) = servers
        .iter()
        .find_map(|server| server.parameters.get("maxqueue"))
        .and_then(|most| most.parse::<u64>().ok())
        && most > 0
    {
        pool.queue.set("length", most.min(100_000).to_string());
        for server in servers.iter().filter(|server| server.own.has("maxqueue")) {
            ledger.list_piece(
                server.line.place,
                "maxqueue",
                Rank::B,
                "there is one queue for the pool, not one for each server",
            );
        }
    }
    if let Some(time) = shared(ledger, servers, "slowstart").and_then(|time| quantity::time(&time)) {
        pool.keys.set("slow_start", value::duration(time.min(3_600_000)));
    }
    if let Some(line) = chain.find("fullconn") {
        ledger.list(line.place, Rank::C, "limits don't move with the load");
    }
    let backups: Vec<&Server<'_>> = servers.iter().filter(|server| server.parameters.has("backup")).collect();
    let all = chain.option("allbackups");
    if let Some(line) = all {
        ledger.carry(line.place);
    } else if backups.len() > 1 {
        ledger.list_piece(
            backups[0].line.place,
            "backup",
            Rank::B,
            "all backups of a pool serve at once, not the first alone",
        );
    }
}

/// HAProxy takes nobody out for bad responses unless it is told to.
fn ejection(ledger: &mut Ledger, servers: &[Server<'_>], pool: &mut PoolDraft) {
    let Some(server) = servers.iter().find(|server| server.parameters.has("observe")) else {
        pool.ejection.set("enabled", "false");
        return;
    };
    let most = server.parameters.get("error-limit").and_then(|most| most.parse::<u64>().ok()).unwrap_or(10);
    let most = most.clamp(1, 1_000_000).to_string();
    let is_http = server.parameters.get("observe") == Some("layer7");
    pool.ejection.set("consecutive_gateway_failures", most.clone());
    pool.ejection.set("consecutive_5xx", if is_http { most } else { "0".into() });
    pool.ejection.set("failure_percent", "0");
    let why = "ejection is one rule for the pool: it takes a backend out for a while, which grows, and puts it on trial then";
    ledger.list_piece(server.line.place, "observe", Rank::B, why);
}

/// Lines that hold for a section and say what the proxy does anyway.
pub(super) fn carry(ledger: &mut Ledger, line: Option<&Line>) {
    if let Some(line) = line {
        ledger.carry(line.place);
    }
}
