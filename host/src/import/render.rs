//! The result as text: sections in the order of `config/reference.toml`, each with where it comes from.

use std::fmt::Write as _;

use super::draft::{
    Action, AnswerDraft, BackendDraft, Draft, LimitDraft, ListenerDraft, PageContent, PageDraft, PoolDraft,
    RouteDraft,
};
use super::keys::Keys;
use super::{matches, value};
use crate::config::literal;

const TOP: &[&str] = &["workers", "drain_delay", "drain_timeout"];
const ACCESS_LOG: &[&str] = &["format", "path"];
const DNS: &[&str] = &["servers", "timeout", "min_ttl", "max_ttl"];
const LISTENER: &[&str] = &[
    "mode",
    "trusted_proxies",
    "header_timeout",
    "body_timeout",
    "min_body_rate",
    "keepalive_timeout",
    "keepalive_requests",
    "max_connection_age",
    "send_timeout",
    "min_send_rate",
    "tunnel_timeout",
    "tunnel_close_timeout",
    "max_header_bytes",
    "max_uri_bytes",
    "max_connections",
    "path_normalization",
    "request_id",
    "redirect",
    "max_body",
    "http2",
    "http2_max_streams",
    "proxy_protocol",
];
const TLS: &[&str] = &[
    "certificates",
    "min_version",
    "unknown_name",
    "handshake_timeout",
    "tickets",
    "ticket_keys",
    "client_auth",
    "client_cert_header",
    "hsts",
];
const POOL: &[&str] = &[
    "policy",
    "connect_timeout",
    "response_timeout",
    "idle_timeout",
    "total_timeout",
    "tunnel_timeout",
    "idle_connections",
    "idle_connection_timeout",
    "proxy_protocol",
    "protocol",
    "slow_start",
    "max_requests",
    "max_connections",
    "host_header",
    "request_headers",
    "response_headers",
    "intercept",
];
const LIMIT: &[&str] =
    &["key", "client_prefix", "missing", "rate", "burst", "concurrency", "status", "dry_run"];
const HEALTH_CHECK: &[&str] = &[
    "type",
    "method",
    "path",
    "expected_statuses",
    "body_contains",
    "host",
    "headers",
    "port",
    "interval",
    "fast_interval",
    "timeout",
    "rise",
    "fall",
];
const BACKEND: &[&str] = &["name", "weight", "max_requests", "backup", "draining"];

/// How the host names of backends are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hosts {
    /// As they are.
    Named,
    /// As addresses, so that reading the result asks no DNS.
    StandIns,
}

/// The text of the result below these lines.
pub(super) fn text(draft: &Draft, head: &str, hosts: Hosts) -> String {
    let mut text: String =
        head.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect();
    if !draft.top.is_empty() {
        text.push('\n');
        keys(&mut text, &draft.top, TOP);
    }
    section(&mut text, "[access_log]", &draft.access_log, ACCESS_LOG);
    section(&mut text, "[dns]", &draft.dns, DNS);
    for found in &draft.listeners {
        listener(&mut text, found);
    }
    for found in &draft.routes {
        route(&mut text, found);
    }
    for found in &draft.error_pages {
        page(&mut text, "error_page", found);
    }
    for found in &draft.limits {
        limit(&mut text, found);
    }
    let mut stand_in = StandIn { hosts, next: 1 };
    for found in &draft.pools {
        pool(&mut text, found, &mut stand_in);
    }
    text
}

fn comment(text: &mut String, comment: &str) {
    for line in comment.lines() {
        let _ = writeln!(text, "# {line}");
    }
}

fn keys(text: &mut String, keys: &Keys, order: &[&'static str]) {
    for (key, value) in keys.in_order(order) {
        let _ = writeln!(text, "{key} = {value}");
    }
}

fn section(text: &mut String, header: &str, all: &Keys, order: &[&'static str]) {
    if !all.is_empty() {
        let _ = writeln!(text, "\n{header}");
        keys(text, all, order);
    }
}

fn listener(text: &mut String, listener: &ListenerDraft) {
    text.push('\n');
    comment(text, &listener.comment);
    let _ = writeln!(text, "[[listener]]\naddress = {}", literal(&listener.address));
    keys(text, &listener.keys, LISTENER);
    section(text, "[listener.tls]", &listener.tls, TLS);
}

fn route(text: &mut String, route: &RouteDraft) {
    let target = match &route.action {
        Action::Pool(pool) => format!("pool = {}", literal(pool)),
        Action::Split(pools, by) => {
            let pools: Vec<_> =
                pools.iter().map(|(name, weight)| format!("{} = {weight}", value::key(name))).collect();
            let by = by.as_ref().map(|by| format!(", by = {}", literal(by))).unwrap_or_default();
            format!("split = {{ pools = {{ {} }}{by} }}", pools.join(", "))
        }
        Action::Refuse(status) => format!("respond = {status}"),
        Action::Respond(answer) => respond(answer),
        Action::Redirect(table) => format!("redirect = {table}"),
    };
    let Some(all) = matches::written(&route.tests, &route.excluded) else { return };
    let mut changes = Keys::default();
    route.changes.write(&mut changes);
    text.push('\n');
    comment(text, &route.comment);
    text.push_str("[[route]]\n");
    keys(text, &all, &matches::ORDER);
    let _ = writeln!(text, "{target}");
    keys(text, &route.keys, &["mirror", "limits"]);
    keys(text, &changes, &[]);
}

fn respond(answer: &AnswerDraft) -> String {
    let mut parts = vec![format!("status = {}", answer.status)];
    parts.extend(answer.media_type.as_ref().map(|media_type| format!("type = {}", literal(media_type))));
    parts.extend(answer.text.as_ref().map(|text| format!("text = {}", literal(text))));
    if parts.len() == 1 {
        format!("respond = {}", answer.status)
    } else {
        format!("respond = {{ {} }}", parts.join(", "))
    }
}

fn limit(text: &mut String, limit: &LimitDraft) {
    text.push('\n');
    comment(text, &limit.comment);
    let _ = writeln!(text, "[limit.{}]", value::key(&limit.name));
    keys(text, &limit.keys, LIMIT);
}

fn pool(text: &mut String, pool: &PoolDraft, stand_in: &mut StandIn) {
    let name = value::key(&pool.name);
    text.push('\n');
    comment(text, &pool.comment);
    let _ = writeln!(text, "[pool.{name}]");
    keys(text, &pool.keys, POOL);
    let backends: Vec<_> = pool.backends.iter().map(|found| backend(found, stand_in)).collect();
    text.push_str("backends = [\n");
    for backend in backends {
        let _ = writeln!(text, "    {backend},");
    }
    text.push_str("]\n");
    section(text, &format!("[pool.{name}.queue]"), &pool.queue, &["length", "timeout"]);
    section(text, &format!("[pool.{name}.retry]"), &pool.retry, &["attempts", "statuses"]);
    if let Some(tls) = &pool.tls {
        let _ = writeln!(text, "\n[pool.{name}.tls]");
        keys(text, tls, &["server_name", "ca", "cert", "key", "insecure_skip_verify"]);
    }
    let order = ["algorithms", "types", "min_size", "gzip_level", "br_level"];
    section(text, &format!("[pool.{name}.compression]"), &pool.responses.compression, &order);
    let order = ["cookie", "max_age", "strip"];
    section(text, &format!("[pool.{name}.sticky]"), &pool.responses.sticky, &order);
    section(text, &format!("[pool.{name}.health_check]"), &pool.health_check, HEALTH_CHECK);
    let order =
        ["enabled", "consecutive_gateway_failures", "consecutive_5xx", "failure_percent", "base_time"];
    section(text, &format!("[pool.{name}.ejection]"), &pool.ejection, &order);
    for found in &pool.responses.error_pages {
        page(text, &format!("pool.{name}.error_page"), found);
    }
}

fn page(text: &mut String, section: &str, page: &PageDraft) {
    let statuses: Vec<_> = page.statuses.iter().map(u16::to_string).collect();
    let status = if let [one] = &statuses[..] { one.clone() } else { value::list(statuses) };
    let _ = writeln!(text, "\n[[{section}]]\nstatus = {status}");
    if let Some(media_type) = &page.media_type {
        let _ = writeln!(text, "type = {}", literal(media_type));
    }
    let _ = match &page.content {
        PageContent::Text(content) => writeln!(text, "text = {}", literal(content)),
        PageContent::File(file) => writeln!(text, "file = {}", literal(file)),
    };
}

fn backend(backend: &BackendDraft, stand_in: &mut StandIn) -> String {
    let address = match backend.resolve {
        Some(_) => backend.address.clone(),
        None => stand_in.of(&backend.address),
    };
    let address = literal(&address);
    let mut parts = vec![format!("address = {address}")];
    parts.extend(backend.resolve.map(|resolve| format!("resolve = {}", literal(resolve))));
    let keys: Vec<_> = backend.keys.in_order(BACKEND).collect();
    let (name, rest) = match keys.split_first() {
        Some((("name", name), rest)) => (Some(format!("name = {name}")), rest),
        _ => (None, &keys[..]),
    };
    let check = backend.check_address.as_ref();
    let check = check.map(|check| format!("check_address = {}", literal(&stand_in.of(check))));
    parts.extend(name.into_iter().chain(check));
    parts.extend(rest.iter().map(|(key, value)| format!("{key} = {value}")));
    if parts.len() == 1 { address } else { format!("{{ {} }}", parts.join(", ")) }
}

/// Whether a name can be looked up is a matter of the machine on which the result is to run: to be read here, it has addresses of a
/// network that is for tests only (RFC 2544).
struct StandIn {
    hosts: Hosts,
    next: u16,
}

impl StandIn {
    fn of(&mut self, address: &str) -> String {
        let is_address = address.parse::<std::net::SocketAddr>().is_ok();
        if self.hosts == Hosts::Named || is_address || address.starts_with("unix:") {
            return address.to_owned();
        }
        let port = address.rsplit_once(':').map_or("80", |(_, port)| port);
        let [high, low] = self.next.to_be_bytes();
        self.next = self.next.wrapping_add(1);
        format!("198.18.{high}.{low}:{port}")
    }
}
