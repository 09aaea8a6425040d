//! From sections to the configuration: backends, listeners, routes, and what is left.

use std::collections::HashMap;

use super::super::draft::{Draft, ListenerDraft, PoolDraft};
use super::super::fields::Changes;
use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::matching::{Kind, Test};
use super::super::paths::Paths;
use super::super::routing::Routing;
use super::super::text::Files;
use super::super::value;
use super::backend::carry;
use super::bind::{self, Globals};
use super::chain::Chain;
use super::error_page::Pages;
use super::global::{access_log, global, resolvers, with_presets};
use super::limits::Limits;
use super::path::PathChange;
use super::rules::{OfPools, Rules};
use super::sections::Section;
use super::timeout::time;
use super::{backend, catalogue, compression, error_page, headers, path};
use crate::config::literal;

/// Everything of a file, carried over or listed.
pub(super) fn import(
    ledger: &mut Ledger,
    files: &mut Files,
    sections: &[Section],
    (environment, only): (&[(String, String)], Option<&str>),
    paths: &Paths,
) -> Draft {
    let mut draft = Draft::default();
    let globals = Globals::read(ledger, sections, paths);
    global(ledger, &mut draft, sections);
    resolvers(ledger, &mut draft, sections);
    let environment = with_presets(environment, sections);
    let chains: Vec<Chain<'_>> = (0..sections.len())
        .filter(|at| ["frontend", "backend", "listen"].contains(&sections[*at].kind()))
        .map(|at| Chain::of(sections, at))
        .collect();
    let (http, tcp): (Vec<_>, Vec<_>) = chains.into_iter().partition(Chain::is_http);
    for chain in &tcp {
        let why = "carries bytes, not HTTP, and only HTTP is balanced here";
        carry(ledger, chain.find("mode"));
        catalogue::list_section(ledger, chain.section(), Rank::B, why);
    }
    let mut pages = Pages { files, sections, paths };
    for chain in http.iter().filter(|chain| chain.section().kind() != "frontend") {
        pool(ledger, chain, (&globals, &mut pages), &mut draft);
    }
    pages_of_entries(ledger, &mut draft, (&http, only), &mut pages);
    let pools = draft.clone();
    let mut rules = Rules {
        ledger,
        files,
        environment: &environment,
        draft: &pools,
        routing: Routing::default(),
        changes: Changes::default(),
        pools: OfPools { paths: changed_paths(&http), ..OfPools::default() },
        unasked: Vec::new(),
        limits: Limits::read(sections),
        listener: None,
    };
    let entries: Vec<&Chain<'_>> = http.iter().filter(|chain| is_entry(chain)).collect();
    let leads_to_routes =
        |chain: &&&Chain<'_>| left_out(chain, only).is_none() && !redirects_all(chain.section());
    let several = entries.iter().filter(leads_to_routes).count() > 1;
    for chain in entries {
        if let Some(why) = left_out(chain, only) {
            catalogue::list_section(rules.ledger, chain.section(), Rank::B, &why);
        } else {
            let listeners = entry(&mut rules, chain, (&globals, several, &draft.listeners));
            draft.listeners.extend(listeners);
        }
    }
    draft.limits = std::mem::take(&mut rules.limits.found);
    draft.routes = rules.routing.finish(rules.ledger);
    compress(&mut draft.pools, rules.pools.compression);
    draft.listeners = unique(draft.listeners);
    access_log(ledger, &mut draft, sections);
    sections.iter().for_each(|section| catalogue::list(ledger, section));
    draft
}

/// What is answered before a backend is chosen.
fn pages_of_entries(
    ledger: &mut Ledger,
    draft: &mut Draft,
    (chains, only): (&[Chain<'_>], Option<&str>),
    pages: &mut Pages<'_>,
) {
    let entries = chains.iter().filter(|chain| is_entry(chain) && left_out(chain, only).is_none());
    let entries = entries.map(|chain| (chain.section(), pages.of(ledger, chain))).collect();
    error_page::settle(ledger, draft, entries);
}

/// What becomes of paths on the way to each pool, if anything does.
fn changed_paths(chains: &[Chain<'_>]) -> HashMap<String, PathChange> {
    let sections = chains.iter().map(|chain| chain.section()).filter(|section| section.kind() != "frontend");
    sections.filter_map(|section| Some((value::name(section.name()), path::of(section)?))).collect()
}

/// What a frontend compresses comes from any of its pools.
fn compress(pools: &mut [PoolDraft], compressed: Vec<(String, Keys)>) {
    for (name, compression) in compressed {
        let pool = pools.iter_mut().find(|pool| pool.name == name && pool.responses.compression.is_empty());
        pool.into_iter().for_each(|pool| pool.responses.compression = compression.clone());
    }
}

fn pool(
    ledger: &mut Ledger,
    chain: &Chain<'_>,
    (globals, pages): (&Globals, &mut Pages<'_>),
    draft: &mut Draft,
) {
    if !chain.section().lines.iter().any(|line| line.is("server") || line.is("server-template")) {
        return;
    }
    let mut pool = backend::read(ledger, chain, globals);
    common(ledger, chain);
    headers::changes(ledger, chain.section()).write(&mut pool.keys);
    pool.responses.compression = compression::of(ledger, chain);
    pool.responses.error_pages = pages.of(ledger, chain);
    if pool.serves() && draft.pool(&pool.name).is_none() {
        draft.pools.push(pool);
        return;
    }
    let why = "no pool came of it: nothing in it serves, or its name is taken";
    ledger.list(chain.section().header.place, Rank::B, why);
}

/// Whether clients come in by a section.
fn is_entry(chain: &Chain<'_>) -> bool {
    let section = chain.section();
    section.kind() == "frontend" || section.kind() == "listen" && section.all("bind").next().is_some()
}

/// Why a section's listeners and rules aren't carried over, if they aren't.
fn left_out(chain: &Chain<'_>, only: Option<&str>) -> Option<String> {
    let section = chain.section();
    if only.is_some_and(|only| only != section.name()) {
        return Some("isn't the one that `--only` names".into());
    }
    if !redirects_all(section) && !serves(chain) {
        let why = match section.all("stats").next().is_some() {
            true => {
                "the page with the proxy's numbers is that of `[admin]`, which has no password but a token"
            }
            false => "serves nothing that is carried over; its listeners aren't written",
        };
        return Some(why.into());
    }
    None
}

/// The listeners of a section, whose rules become routes; if `several` sections have routes, each for its own listeners. `before` are the
/// listeners of the sections before.
fn entry(
    rules: &mut Rules<'_>,
    chain: &Chain<'_>,
    (globals, several, before): (&Globals, bool, &[ListenerDraft]),
) -> Vec<ListenerDraft> {
    let section = chain.section();
    rules.ledger.carry(section.header.place);
    common(rules.ledger, chain);
    let mut keys = limits(rules.ledger, chain);
    let redirects = redirects_all(section);
    if redirects {
        keys.set("redirect", literal("https"));
        let rule = section.lines.iter().find(|line| line.is("http-request redirect") || line.is("redirect"));
        if let Some(rule) = rule {
            rules.ledger.near(rule.place, "the listener redirects everything with 308");
        }
    }
    let mut listeners: Vec<ListenerDraft> = Vec::new();
    let clear = redirects_clear(section);
    for line in section.all("bind") {
        let mut found = bind::listeners(rules.ledger, line, &keys, globals);
        if let Some(rule) = clear {
            rules.ledger.near(rule.place, "listeners without TLS redirect everything, with 308");
            let in_clear = found.iter_mut().filter(|listener| listener.tls.is_empty());
            in_clear.for_each(|listener| listener.keys.set("redirect", literal("https")));
        }
        if several
            && before.iter().chain(&listeners).any(|other| found.iter().any(|it| it.address == other.address))
        {
            rules.ledger.list(
                line.place,
                Rank::B,
                "another listener has this address already; its clients get what that one serves",
            );
            found.retain(|it| before.iter().chain(&listeners).all(|other| other.address != it.address));
        }
        listeners.extend(found);
    }
    if !redirects {
        routes(rules, chain, several, &listeners);
    }
    responses(rules.ledger, section, &mut listeners);
    listeners
}

/// The rules of a section as routes.
fn routes(rules: &mut Rules<'_>, chain: &Chain<'_>, several: bool, listeners: &[ListenerDraft]) {
    let section = chain.section();
    let open = listeners.iter().filter(|listener| listener.keys.get("redirect").is_none());
    let open: Vec<String> = open.map(|listener| listener.address.clone()).collect();
    if several && open.is_empty() {
        let why = "none of its listeners leads to routes; its rules aren't written";
        return catalogue::list_section(rules.ledger, section, Rank::B, why);
    }
    rules.listener = several.then(|| Test::new(Kind::Listener, open));
    let before = rules.routing.len();
    rules.add(chain);
    let compression = compression::of(rules.ledger, chain);
    for pool in rules.routing.pools_after(before) {
        let known = rules.pools.compression.iter().find(|(name, _)| *name == pool);
        match known {
            None => rules.pools.compression.push((pool, compression.clone())),
            Some((_, other)) if *other == compression => {}
            Some(_) => {
                let why = format!(
                    "another section compresses what comes of `{pool}` in another way; the first one holds for both"
                );
                rules.ledger.list(section.header.place, Rank::B, why);
            }
        }
    }
}

/// Two listeners can't have one address, unless the system chooses the port.
fn unique(listeners: Vec<ListenerDraft>) -> Vec<ListenerDraft> {
    let mut found: Vec<ListenerDraft> = Vec::new();
    for listener in listeners {
        let is_new =
            listener.address.ends_with(":0") || !found.iter().any(|other| other.address == listener.address);
        if is_new {
            found.push(listener);
        }
    }
    found
}

/// Whether a section leads its requests to any backend.
fn serves(chain: &Chain<'_>) -> bool {
    let section = chain.section();
    section.all("use_backend").next().is_some()
        || chain.find("default_backend").is_some()
        || section.kind() == "listen"
            && section.lines.iter().any(|line| line.is("server") || line.is("server-template"))
}

/// Whether a section does nothing but send everybody to HTTPS.
fn redirects_all(section: &Section) -> bool {
    let is_redirect = |line: &&super::sections::Line| line.is("http-request redirect") || line.is("redirect");
    let Some(line) = section.lines.iter().find(is_redirect) else { return false };
    let words = line.words.join(" ");
    let to_https = words.contains("redirect scheme https");
    let condition = words.split_once(" if ").or_else(|| words.split_once(" unless "));
    let asks = condition.map_or("", |(_, asked)| asked.trim());
    let has_tls = section.all("bind").any(|bind| bind.words.iter().any(|word| word == "ssl"));
    to_https && !has_tls && ["", "{ ssl_fc }", "!{ ssl_fc }"].contains(&asks)
}

/// Header fields that the listeners have keys for, or write anyway.
fn responses(ledger: &mut Ledger, section: &Section, listeners: &mut [ListenerDraft]) {
    let in_clear =
        |listener: &ListenerDraft| listener.tls.is_empty() && listener.keys.get("redirect").is_none();
    if listeners.is_empty() || listeners.iter().any(in_clear) {
        return;
    }
    for line in &section.lines {
        if ledger.is_carried(line.place) {
            continue;
        }
        let value = line.word(3);
        let is_hsts = (line.is("http-response set-header") || line.is("http-after-response set-header"))
            && line.word(2).eq_ignore_ascii_case("strict-transport-security");
        if is_hsts && line.words.len() == 4 && value.starts_with("max-age=") && !value.contains('%') {
            let encrypted = listeners.iter_mut().filter(|listener| !listener.tls.is_empty());
            encrypted.for_each(|listener| listener.tls.set("hsts", literal(value)));
            ledger.carry(line.place);
        }
    }
}

/// The rule that sends those who don't speak TLS to HTTPS.
fn redirects_clear(section: &Section) -> Option<&super::sections::Line> {
    section.lines.iter().find(|line| {
        let words = line.words.join(" ");
        let is_redirect = line.is("http-request redirect scheme https") || line.is("redirect scheme https");
        is_redirect
            && ["unless { ssl_fc }", "if !{ ssl_fc }", "if ! { ssl_fc }"]
                .iter()
                .any(|asked| words.ends_with(asked))
    })
}

/// Timeouts of a frontend's listeners.
fn limits(ledger: &mut Ledger, chain: &Chain<'_>) -> Keys {
    let mut keys = Keys::default();
    let client = time(ledger, chain, "client").unwrap_or(value::DAY_MS);
    let request = time(ledger, chain, "http-request");
    keys.set("header_timeout", value::duration(request.unwrap_or(client)));
    keys.set("body_timeout", value::duration(client));
    keys.set("min_body_rate", value::size(0));
    let between = time(ledger, chain, "http-keep-alive").or(request).unwrap_or(client);
    keys.set("keepalive_timeout", value::duration(between));
    keys.set("keepalive_requests", "1000000000");
    keys.set("max_connection_age", value::duration(value::DAY_MS));
    keys.set("send_timeout", value::duration(client));
    keys.set("min_send_rate", value::size(0));
    keys.set("tunnel_timeout", value::duration(time(ledger, chain, "tunnel").unwrap_or(client)));
    if let Some(time) = time(ledger, chain, "client-fin") {
        keys.set("tunnel_close_timeout", value::duration(time));
    }
    if let Some(line) = chain.find("maxconn") {
        match line.word(1).parse::<u64>() {
            Ok(most @ 1..=1_000_000) => {
                keys.set("max_connections", most.to_string());
                ledger.near(line.place, "holds for each listener, not for all of the section together");
            }
            _ => ledger.list(line.place, Rank::B, "is no number from 1 to 1000000"),
        }
    }
    keys
}

/// Lines that say what the proxy does anyway.
fn common(ledger: &mut Ledger, chain: &Chain<'_>) {
    carry(ledger, chain.find("mode"));
    // What strangers send in these fields never reaches a backend.
    for line in chain.section().all("http-request del-header") {
        let name = line.word(2).to_ascii_lowercase();
        if name.starts_with("x-forwarded-") || ["x-real-ip", "forwarded"].contains(&name.as_str()) {
            ledger.carry(line.place);
        }
    }
    let Some(forwarded) = chain.option("forwardfor") else { return };
    ledger.carry(forwarded.place);
    for word in ["except", "header", "if-none"] {
        if let Some(at) = forwarded.words.iter().position(|found| found == word) {
            let what = forwarded.words[at..].iter().take(2).cloned().collect::<Vec<_>>().join(" ");
            let (rank, why) = match word {
                "except" => (Rank::C, "X-Forwarded-For is written for every client"),
                "header" => (Rank::B, "the field is X-Forwarded-For"),
                _ => (Rank::B, "what strangers send in the field is dropped; see `trusted_proxies`"),
            };
            ledger.list_piece(forwarded.place, &what, rank, why);
        }
    }
}
