//! `proxy_pass` and `grpc_pass`: which pool a location leads to, with what the location says of it.

use super::super::draft::{Draft, PoolDraft};
use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::paths::Paths;
use super::super::{listing, value};
use super::location::Location;
use super::path::{self, Change};
use super::scope::Scope;
use super::tree::Directive;
use super::upstream::{self, Upstream};
use super::{compression, error_page, quantity, variables};
use crate::config::literal;

/// Where a location passes requests on to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    /// Name of an upstream, or host and perhaps port.
    host: String,
    /// What takes the place of the location's path, if anything does.
    path: Option<String>,
    is_tls: bool,
    is_grpc: bool,
    /// The name is looked up at run time.
    is_followed: bool,
}

/// Why a location leads to no pool.
pub(super) struct NoPool {
    pub(super) why: String,
}

/// What is needed to make pools.
#[derive(Debug)]
pub(super) struct Pools<'p> {
    pub(super) draft: &'p mut Draft,
    pub(super) upstreams: &'p [Upstream],
    pub(super) paths: &'p Paths,
}

impl Pools<'_> {
    /// The pool that a `proxy_pass` or `grpc_pass` leads to.
    pub(super) fn of(
        &mut self,
        ledger: &mut Ledger,
        scope: &Scope<'_>,
        (pass, location): (&Directive, &Location<'_>),
    ) -> Result<(String, Option<Change>), NoPool> {
        let no = |why: &str| NoPool { why: why.to_owned() };
        let target = target(ledger, scope, pass).ok_or_else(|| {
            no("where it leads depends on the request; write a route for each of its pools")
        })?;
        // A path that is put in the place of the same path changes nothing.
        let change = match target.path.as_deref().filter(|path| *path != location.path) {
            None => None,
            Some(path) => Some(path::of_pass(location, path).ok_or_else(|| {
                no("changes the path in a way that no route can, and wrong paths would reach its backend without that; its requests get a 404")
            })?),
        };
        let known = self.upstreams.iter().find(|upstream| upstream.name.eq_ignore_ascii_case(&target.host));
        let mut pool = match known {
            Some(upstream) => upstream.pool.clone(),
            None => single(&target).ok_or_else(|| no("is no host with a port that a pool can have"))?,
        };
        if !pool.serves() {
            return Err(no("no backend that serves came of its upstream"));
        }
        let kind = if target.is_grpc { "grpc" } else { "proxy" };
        settle(ledger, scope, kind, &mut pool);
        error_page::write(ledger, scope, kind, self.paths, &mut pool);
        if target.is_grpc {
            pool.keys.set("protocol", literal("h2"));
        }
        let has_socket = pool.backends.iter().any(|backend| listing::is_socket(&backend.address));
        if target.is_tls && has_socket {
            return Err(no(
                "speaks TLS at a Unix socket; write the name of its certificate as `server_name`",
            ));
        }
        if target.is_tls {
            self.tls(ledger, scope, (pass, kind), &mut pool);
        }
        ledger.carry(pass.place);
        Ok((put(self.draft, pool), change))
    }

    /// TLS towards backends. nginx trusts whoever answers unless it is told otherwise; here it is the other way round.
    fn tls(
        &self,
        ledger: &mut Ledger,
        scope: &Scope<'_>,
        (pass, kind): (&Directive, &str),
        pool: &mut PoolDraft,
    ) {
        let find = |name: &str| scope.find(&format!("{kind}_{name}"));
        let mut tls = Keys::default();
        let verify = find("ssl_verify");
        if verify.is_none_or(|verify| verify.arg(0) != "on") {
            let place = verify.unwrap_or(pass).place;
            ledger.near(place, "nginx trusts every certificate of these backends, here they are verified; if theirs is from an authority of your own, name it as `ca` in `[pool.NAME.tls]`");
        } else if let Some(verify) = verify {
            ledger.carry(verify.place);
        }
        for (name, key) in
            [("ssl_trusted_certificate", "ca"), ("ssl_certificate", "cert"), ("ssl_certificate_key", "key")]
        {
            if let Some(found) = find(name) {
                ledger.carry(found.place);
                tls.set(key, literal(&self.paths.of(found.arg(0))));
            }
        }
        if tls.get("cert").is_some() != tls.get("key").is_some() {
            tls = Keys::default();
            ledger.list(
                pass.place,
                Rank::B,
                "its certificate for backends has no key, or the key no certificate",
            );
        }
        if let Some(name) = find("ssl_name") {
            match value::is_host(name.arg(0)) {
                true => {
                    tls.set("server_name", literal(name.arg(0)));
                    ledger.carry(name.place);
                }
                false => ledger.list(
                    name.place,
                    Rank::B,
                    "is no fixed name; write one as `server_name` in `[pool.NAME.tls]`",
                ),
            }
        }
        if let Some(found) = find("ssl_server_name") {
            ledger.carry(found.place);
        }
        pool.tls = Some(tls);
    }
}

/// Adds the pool, or finds the one that is just like it.
pub(super) fn put(draft: &mut Draft, mut pool: PoolDraft) -> String {
    let same = draft.pools.iter().find(|other| {
        other.comment == pool.comment && PoolDraft { name: pool.name.clone(), ..(*other).clone() } == pool
    });
    if let Some(same) = same {
        return same.name.clone();
    }
    pool.name = draft.free_name(&pool.name);
    let name = pool.name.clone();
    draft.pools.push(pool);
    name
}

fn target(ledger: &mut Ledger, scope: &Scope<'_>, pass: &Directive) -> Option<Target> {
    let is_grpc = pass.name == "grpc_pass";
    let written = pass.arg(0);
    let (scheme, rest) = match written.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None if is_grpc => ("grpc", written),
        None => return None,
    };
    let is_tls = match scheme {
        "http" | "grpc" => false,
        "https" | "grpcs" => true,
        _ => return None,
    };
    let is_followed = rest.contains('$');
    // A path behind a Unix socket has a colon before it.
    if let Some(socket) = rest.strip_prefix("unix:") {
        let (socket, path) =
            socket.split_once(':').map_or((socket, None), |(socket, path)| (socket, Some(path.to_owned())));
        let host = format!("unix:{socket}");
        return Some(Target { host, path, is_tls, is_grpc, is_followed: false });
    }
    let (rest, path) = match rest.find(['/', '?']) {
        // nginx passes `$request_uri` on as it is.
        Some(at) => (&rest[..at], Some(rest[at..].to_owned())),
        None => (rest, None),
    };
    let (rest, path) = match rest.strip_suffix("$request_uri") {
        Some(host) => (host, None),
        None => (rest, path),
    };
    let host = match rest.contains('$') {
        true => variables::constant(ledger, scope, rest)?,
        false => rest.to_owned(),
    };
    let path = path.filter(|path| path != "$request_uri");
    Some(Target { host, path, is_tls, is_grpc, is_followed })
}

/// A pool of the one address that is written in place of an upstream's name.
fn single(target: &Target) -> Option<PoolDraft> {
    let with_port = match target.is_tls && !target.host.contains(':') {
        true => format!("{}:443", target.host),
        false => upstream::address(&target.host)?,
    };
    let mut pool = PoolDraft {
        name: value::name(&target.host),
        comment: format!("the address {}", target.host),
        ..PoolDraft::default()
    };
    pool.keys.set("idle_connections", "0");
    let is_ip = with_port.parse::<std::net::SocketAddr>().is_ok();
    let resolve = (target.is_followed && !is_ip).then_some("each");
    let backend = super::super::draft::BackendDraft { address: with_port, resolve, ..Default::default() };
    listing::add(&mut pool, backend).ok()?;
    Some(pool)
}

/// Timeouts and retries, which nginx has in locations.
pub(super) fn settle(ledger: &mut Ledger, scope: &Scope<'_>, kind: &str, pool: &mut PoolDraft) {
    let mut time = |name: &str, keys: &[&'static str]| {
        let found = scope.find(&format!("{kind}_{name}"));
        let written = found.and_then(|found| quantity::time(found.arg(0)));
        let time = written.unwrap_or(60_000).clamp(1, value::DAY_MS);
        keys.iter().for_each(|key| pool.keys.set(key, value::duration(time)));
        let Some(found) = found else { return };
        match written {
            Some(written) if written == time => ledger.carry(found.place),
            _ => ledger.near(
                found.place,
                format!("is taken as {}, as a timeout is from 1 ms to 24 h here", value::duration(time)),
            ),
        }
    };
    time("connect_timeout", &["connect_timeout"]);
    time("read_timeout", &["response_timeout", "idle_timeout"]);
    retry(ledger, scope, kind, pool);
    compression::write(ledger, scope, pool);
    for name in ["buffering", "request_buffering"] {
        if let Some(found) = scope.find(&format!("{kind}_{name}")).filter(|found| found.arg(0) == "off") {
            ledger.carry(found.place);
        }
    }
    if let Some(found) = scope.find("proxy_http_version") {
        ledger.carry(found.place);
    }
}

fn retry(ledger: &mut Ledger, scope: &Scope<'_>, kind: &str, pool: &mut PoolDraft) {
    let others = pool.backends.len().saturating_sub(1).min(10);
    let next = scope.find(&format!("{kind}_next_upstream"));
    let tries = scope.find(&format!("{kind}_next_upstream_tries"));
    let mut attempts = others;
    if let Some(tries) = tries {
        ledger.carry(tries.place);
        let most: usize = tries.arg(0).parse().unwrap_or(0);
        if most > 0 {
            attempts = (most - 1).min(10);
        }
    }
    let mut statuses = Vec::new();
    if let Some(next) = next {
        ledger.carry(next.place);
        if next.args.iter().any(|arg| arg == "off") {
            attempts = 0;
        }
        for arg in &next.args {
            match arg.as_str() {
                "error" | "timeout" | "off" | "invalid_header" => {}
                "non_idempotent" => {
                    let why = "a request that isn't idempotent and of which something was sent is never repeated here";
                    ledger.list_piece(next.place, arg, Rank::B, why);
                }
                _ => match arg.strip_prefix("http_").and_then(|code| code.parse::<u16>().ok()) {
                    Some(status @ 400..=599) => statuses.push(status.to_string()),
                    _ => ledger.list_piece(next.place, arg, Rank::B, "isn't a reason for another attempt"),
                },
            }
        }
    }
    pool.retry.set("attempts", attempts.to_string());
    if !statuses.is_empty() {
        statuses.dedup();
        pool.retry.set("statuses", value::list(statuses));
    }
}
