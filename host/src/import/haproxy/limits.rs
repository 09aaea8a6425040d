//! Stick tables that count: how often, and how many at a time, requests of a key may come.

use std::collections::HashMap;

use pointsman_core::request_limit::MOST_OF_ROUTE;

use super::super::draft::LimitDraft;
use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::value;
use super::answer;
use super::quantity;
use super::sections::{Line, Section};
use crate::config::literal;

/// Most requests that a limit takes at once, or at a time.
const MOST_REQUESTS: u64 = 1_000_000;

/// Units of a rate, by their length in milliseconds.
const UNITS: [(u64, &str); 4] = [(1_000, "s"), (60_000, "m"), (3_600_000, "h"), (86_400_000, "d")];

/// The tables of all sections, and the limits that come of them.
#[derive(Debug, Default)]
pub(super) struct Limits<'a> {
    tables: HashMap<&'a str, &'a Line>,
    pub(super) found: Vec<LimitDraft>,
    /// Those that hold for the routes that follow.
    pub(super) names: Vec<String>,
}

/// A counter of a table that is compared with a number: more than `most` are refused.
struct Asked {
    /// `sc0`; none for what is looked up by the client.
    tracker: Option<String>,
    table: Option<String>,
    counts: Counter,
    most: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counter {
    Requests,
    Connections,
}

impl<'a> Limits<'a> {
    pub(super) fn read(sections: &'a [Section]) -> Self {
        let table = |section: &'a Section| Some((section.name(), section.all("stick-table").next()?));
        Self { tables: sections.iter().filter_map(table).collect(), ..Self::default() }
    }

    /// Whether a rule that refuses became a limit for the routes after it.
    pub(super) fn take(&mut self, ledger: &mut Ledger, section: &Section, rule: &Line) -> bool {
        let at = |wanted: &Line| section.lines.iter().position(|line| line.place == wanted.place);
        let before = &section.lines[..at(rule).unwrap_or(0)];
        // What an earlier rule lets pass asks no more.
        if before.iter().any(|line| line.is("http-request allow")) || self.names.len() == MOST_OF_ROUTE {
            return false;
        }
        let Some((asked, acl)) = asked(section, rule) else { return false };
        let track = match &asked.tracker {
            Some(tracker) => tracked(before, &format!("track-{tracker}")),
            None => tracked(&section.lines, "track-sc").filter(|track| track.word(2) == "src"),
        };
        let Some(track) = track else { return false };
        let named = track.words.iter().position(|word| word == "table").map(|at| track.word(at + 1));
        let name = asked.table.as_deref().or(named).unwrap_or_else(|| section.name());
        if named.unwrap_or_else(|| section.name()) != name {
            return false;
        }
        let Some(table) = self.tables.get(name).copied() else { return false };
        let mut keys = Keys::default();
        let is_good = key(track.word(2), &mut keys) && asked.write(ledger, (table, rule), &mut keys);
        if !is_good {
            return false;
        }
        let refusal = answer::of_refusal(rule);
        keys.set("status", refusal.draft.status.to_string());
        if !(400..=599).contains(&refusal.draft.status) {
            return false;
        }
        if let Some(why) = refusal.near.filter(|_| rule.word(1) != "deny") {
            ledger.near(rule.place, why);
        }
        if let Some(at) = table.words.iter().position(|word| word == "peers") {
            let piece = table.words[at..].iter().take(2).cloned().collect::<Vec<_>>().join(" ");
            let why = "each proxy counts for itself: a client gets as much of each of them";
            ledger.list_piece(table.place, &piece, Rank::B, why);
        }
        [table, track, rule].into_iter().chain(acl).for_each(|line| ledger.carry(line.place));
        let suffix = if asked.counts == Counter::Requests { "rate" } else { "at_a_time" };
        let comment = format!("{}, {}", ledger.text(rule.place), ledger.named(rule.place));
        let limit = LimitDraft { comment, name: value::name(&format!("{name}_{suffix}")), keys };
        let name = limit.put(&mut self.found);
        self.names.push(name);
        true
    }

    /// `limits` of a route that follows.
    pub(super) fn keys(&self) -> Keys {
        let mut keys = Keys::default();
        if !self.names.is_empty() {
            keys.set("limits", value::texts(&self.names));
        }
        keys
    }
}

impl Asked {
    /// Writes the number, if the table counts this, and a limit can have it.
    fn write(&self, ledger: &mut Ledger, (table, rule): (&Line, &Line), keys: &mut Keys) -> bool {
        let stored = stored(table);
        if !(1..=MOST_REQUESTS).contains(&self.most) {
            return false;
        }
        match self.counts {
            Counter::Connections => {
                let counts = stored.contains(&"conn_cur");
                keys.set("concurrency", self.most.to_string());
                if counts {
                    ledger.near(rule.place, "counts requests that are served at the moment");
                }
                counts
            }
            Counter::Requests => {
                let period = stored
                    .iter()
                    .find_map(|counter| counter.strip_prefix("http_req_rate(")?.strip_suffix(')'))
                    .and_then(quantity::time);
                let Some(period) = period.filter(|period| *period > 0) else { return false };
                let rate = |(unit, name): (u64, &str)| {
                    let requests = self.most.checked_mul(unit)?;
                    let is_whole = requests.is_multiple_of(period);
                    (is_whole && (1..=MOST_REQUESTS).contains(&(requests / period)))
                        .then(|| format!("{}/{name}", requests / period))
                };
                let Some(rate) = UNITS.into_iter().find_map(rate) else { return false };
                keys.set("rate", literal(&rate));
                keys.set("burst", self.most.to_string());
                let why = "who asks too often is let through at the rate, where HAProxy counts what it refuses, too, and lets nobody through before a pause";
                ledger.near(rule.place, why);
                true
            }
        }
    }
}

/// The counters of a table.
fn stored(table: &Line) -> Vec<&str> {
    let stores = table.words.iter().zip(table.words.iter().skip(1)).filter(|(word, _)| *word == "store");
    stores.flat_map(|(_, counters)| counters.split(',')).collect()
}

/// The rule that counts every request under a key.
fn tracked<'l>(lines: &'l [Line], name: &str) -> Option<&'l Line> {
    let mut found = lines.iter().filter(|line| line.is("http-request") && line.word(1).starts_with(name));
    let line = found.next().filter(|line| !line.words.iter().any(|word| word == "if" || word == "unless"))?;
    found.next().is_none().then_some(line)
}

/// What a rule asks of a table, if it asks nothing else, and the `acl` by whose name it does.
fn asked<'s>(section: &'s Section, rule: &Line) -> Option<(Asked, Option<&'s Line>)> {
    let at = rule.words.iter().position(|word| word == "if")?;
    match &rule.words[at + 1..] {
        [open, sample, operator, number, close] if open == "{" && close == "}" => {
            Some((compared(sample, operator, number)?, None))
        }
        [name] => {
            let mut acls = section.all("acl").filter(|acl| acl.word(1) == *name);
            let acl = acls.next().filter(|acl| acl.words.len() == 5 && acls.next().is_none())?;
            Some((compared(acl.word(2), acl.word(3), acl.word(4))?, Some(acl)))
        }
        _ => None,
    }
}

/// `sc_http_req_rate(0) gt 100`, `sc0_conn_cur gt 5`, `src_http_req_rate(table) ge 20`.
fn compared(sample: &str, operator: &str, number: &str) -> Option<Asked> {
    let number: u64 = number.parse().ok()?;
    let most = match operator {
        "gt" => number,
        "ge" => number.checked_sub(1)?,
        _ => return None,
    };
    let (fetch, arguments) = match sample.split_once('(') {
        Some((fetch, rest)) => (fetch, rest.strip_suffix(')')?),
        None => (sample, ""),
    };
    let (source, counter) = fetch.split_once('_')?;
    let counts = match counter {
        "http_req_rate" => Counter::Requests,
        "conn_cur" => Counter::Connections,
        _ => return None,
    };
    let mut arguments = arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty());
    let tracker = match source {
        "src" => None,
        "sc" => Some(format!("sc{}", arguments.next()?)),
        "sc0" | "sc1" | "sc2" => Some(source.to_owned()),
        _ => return None,
    };
    let table = arguments.next().map(str::to_owned);
    Some(Asked { tracker, table, counts, most })
}

/// What requests have in common, if a limit knows it. HAProxy counts nothing under a key that is missing, and knows no networks.
fn key(sample: &str, keys: &mut Keys) -> bool {
    let named = |start: &str| sample.strip_prefix(start)?.strip_suffix(')');
    let header = ["req.hdr(", "req.fhdr(", "hdr("].into_iter().find_map(named);
    let cookie = ["req.cook(", "cook("].into_iter().find_map(named);
    let query = ["url_param(", "urlp("].into_iter().find_map(named);
    let part = match (sample, header, cookie, query) {
        ("src", ..) => {
            keys.set("client_prefix", "{ ipv4 = 32, ipv6 = 128 }");
            "client".to_owned()
        }
        ("path", ..) => "path".to_owned(),
        (_, Some(name), ..) if name.eq_ignore_ascii_case("host") => "host".to_owned(),
        (_, Some(name), ..) => format!("header:{}", name.to_ascii_lowercase()),
        (_, _, Some(name), _) => format!("cookie:{name}"),
        (_, _, _, Some(name)) => format!("query:{name}"),
        _ => return false,
    };
    let named = part.split_once(':').map(|(_, name)| name);
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if named.is_some_and(|name| !is_name(name)) {
        return false;
    }
    if named.is_some() {
        keys.set("missing", literal("pass"));
    }
    keys.set("key", literal(&part));
    true
}
