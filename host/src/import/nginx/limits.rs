//! `limit_req` and `limit_conn`: how often, and how many at a time, requests of a key may come.

use pointsman_core::request_limit::MOST_OF_ROUTE;

use super::super::draft::{Draft, LimitDraft};
use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::value;
use super::scope::Scope;
use super::tree::Directive;
use crate::config::literal;

/// Writes the limits that hold at a place, and names them in the keys of its route.
pub(super) fn write(ledger: &mut Ledger, draft: &mut Draft, scope: &Scope<'_>, route: &mut Keys) {
    let mut names: Vec<String> = Vec::new();
    for kind in [Kind::Rate, Kind::Concurrency] {
        for found in scope.all(&[kind.name()]) {
            let Some((mut limit, zone)) = kind.limit(ledger, scope, found) else { continue };
            if names.len() == MOST_OF_ROUTE {
                ledger.list(found.place, Rank::A, format!("a route has at most {MOST_OF_ROUTE} limits"));
                continue;
            }
            limit.comment = format!("{}, {}", ledger.text(zone.place), ledger.named(zone.place));
            ledger.carry(zone.place);
            ledger.carry(found.place);
            let shared =
                draft.limits.iter().any(|other| other.comment == limit.comment && other.keys != limit.keys);
            if shared {
                let why =
                    "counts apart from the other places of its zone, as it says something else than they do";
                ledger.near(found.place, why);
            }
            let name = limit.put(&mut draft.limits);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if !names.is_empty() {
        route.set("limits", value::texts(&names));
    }
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rate,
    Concurrency,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Rate => "limit_req",
            Self::Concurrency => "limit_conn",
        }
    }

    /// The limit that a directive means, and its zone. Without, it is listed.
    fn limit<'a>(
        self,
        ledger: &mut Ledger,
        scope: &Scope<'a>,
        found: &Directive,
    ) -> Option<(LimitDraft, &'a Directive)> {
        let wanted = match self {
            Self::Rate => argument(found, "zone=").unwrap_or_default(),
            Self::Concurrency => found.arg(0),
        };
        let name = format!("{}_zone", self.name());
        let zones = scope.all(&[name.as_str()]);
        let is_it = |zone: &&Directive| {
            argument(zone, "zone=").is_some_and(|named| named.split(':').next() == Some(wanted))
        };
        let Some(zone) = zones.into_iter().find(is_it) else {
            ledger.list(found.place, Rank::A, "its zone isn't in the file; write a `[limit.NAME]`");
            return None;
        };
        let mut keys = Keys::default();
        if !key(zone.arg(0), &mut keys) {
            let why = "requests of a route are told apart by client, host, header, cookie or query parameter; write a `[limit.NAME]`";
            ledger.list(found.place, Rank::A, why);
            ledger.list(zone.place, Rank::A, why);
            return None;
        }
        let is_good = match self {
            Self::Rate => rate(ledger, zone, found, &mut keys),
            Self::Concurrency => concurrency(found, &mut keys),
        };
        if !is_good {
            ledger.list(found.place, Rank::A, "isn't a number that a limit can have; write a `[limit.NAME]`");
            return None;
        }
        let status = scope.find(&format!("{}_status", self.name()));
        let written = status
            .and_then(|status| status.arg(0).parse().ok())
            .filter(|status| (400..=599).contains(status));
        keys.set("status", written.unwrap_or(503_u16).to_string());
        let dry_run = scope.find(&format!("{}_dry_run", self.name()));
        if dry_run.is_some_and(|dry_run| dry_run.arg(0) == "on") {
            keys.set("dry_run", "true");
        }
        status.iter().chain(&dry_run).for_each(|directive| ledger.carry(directive.place));
        let limit = LimitDraft { comment: String::new(), name: value::name(wanted), keys };
        Some((limit, zone))
    }
}

/// What follows this in an argument.
fn argument<'a>(directive: &'a Directive, start: &str) -> Option<&'a str> {
    directive.args.iter().find_map(|argument| argument.strip_prefix(start))
}

/// What requests have in common, if a limit knows it. nginx limits nobody whose key is empty, and knows no networks.
fn key(variable: &str, keys: &mut Keys) -> bool {
    let variable = variable.strip_prefix('$').unwrap_or_default();
    let variable = variable.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(variable);
    let Some(part) = part(variable) else { return false };
    match part.as_str() {
        "client" => keys.set("client_prefix", "{ ipv4 = 32, ipv6 = 128 }"),
        "host" => {}
        _ => keys.set("missing", literal("pass")),
    }
    keys.set("key", literal(&part));
    true
}

/// The part of a request that a variable of this name stands for.
pub(super) fn part(variable: &str) -> Option<String> {
    let named = |(start, kind): (&str, &str)| {
        let name = variable.strip_prefix(start)?;
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let name = if kind == "header" { name.replace('_', "-") } else { name.to_owned() };
        is_name.then(|| format!("{kind}:{name}"))
    };
    match variable {
        "binary_remote_addr" | "remote_addr" => Some("client".to_owned()),
        "host" => Some("host".to_owned()),
        _ => [("http_", "header"), ("cookie_", "cookie"), ("arg_", "query")].into_iter().find_map(named),
    }
}

fn rate(ledger: &mut Ledger, zone: &Directive, found: &Directive, keys: &mut Keys) -> bool {
    let Some((number, unit)) = argument(zone, "rate=").and_then(|rate| rate.split_once("r/")) else {
        return false;
    };
    let is_number = number.parse::<u32>().is_ok_and(|number| (1..=1_000_000).contains(&number));
    let burst = argument(found, "burst=").map_or(Some(0), |burst| burst.parse::<u32>().ok());
    let Some(burst) = burst.filter(|burst| *burst < 1_000_000 && is_number && matches!(unit, "s" | "m"))
    else {
        return false;
    };
    keys.set("rate", literal(&format!("{number}/{unit}")));
    // nginx counts those beyond the first.
    keys.set("burst", (burst + 1).to_string());
    if burst > 0 && !found.args.iter().any(|argument| argument == "nodelay") {
        let why = "as many requests pass, but those over the rate at once: none is delayed";
        ledger.near(found.place, why);
    }
    true
}

fn concurrency(found: &Directive, keys: &mut Keys) -> bool {
    let is_number = found.arg(1).parse::<u32>().is_ok_and(|number| (1..=1_000_000).contains(&number));
    if is_number {
        keys.set("concurrency", found.arg(1).to_owned());
    }
    is_number
}
