//! The routes: nginx's choice of server and location as a list in which the first match wins.

use std::collections::HashMap;

use super::super::draft::{Action, Draft, RouteDraft};
use super::super::fields::Changes;
use super::super::keys::Keys;
use super::super::ledger::{Ledger, Place, Rank};
use super::super::matching::{Kind, Test};
use super::super::routing::{Candidate, Routing};
use super::location::{self, Location};
use super::outcome::{self, Outcome};
use super::pass::Pools;
use super::scope::Scope;
use super::server::{Listen, Purpose, Server};
use super::{condition, guards, limits, listeners, mirror, precedence, reach};

/// Writes the routes of all servers.
pub(super) fn write(ledger: &mut Ledger, pools: &mut Pools<'_>, servers: &[Server<'_>], is_whole: bool) {
    let serving = servers.iter().filter(|server| server.purpose == Purpose::Serves);
    let open = reach::open(pools.draft);
    let mut candidates: Vec<((u8, usize), Candidate)> = Vec::new();
    for server in serving {
        ledger.carry(server.directive.place);
        let asked = reach::asked(ledger, servers, server, &open, is_whole);
        let found = wanted(ledger, pools, server);
        let of_listeners = max_bodies(pools.draft, server);
        for (weight, asked) in asked {
            for wanted in &found {
                let tests: Vec<Test> = asked.iter().chain(&wanted.tests).cloned().collect();
                let comment = comment(ledger, server, wanted.place);
                let Wanted { mut action, mut changes, mut keys, .. } = wanted.clone();
                if of_listeners.iter().all(|size| *size == changes.max_body) {
                    changes.max_body = None;
                }
                if !are_clear(&tests, &action, &changes) {
                    let why = "has captures, which a route with several regular expressions or none can't; its requests get a 404";
                    ledger.list(wanted.place, Rank::B, why);
                    (action, changes, keys) = (Action::Refuse(404), Changes::default(), Keys::default());
                }
                let route = RouteDraft { comment, tests, excluded: Vec::new(), action, changes, keys };
                candidates.push((weight, Candidate { route, place: wanted.place, guards: wanted.guards }));
            }
        }
    }
    // What names a host exactly comes first, then the longest domain, then what is for all others.
    candidates.sort_by_key(|(weight, _)| *weight);
    let mut routing = Routing::default();
    candidates.into_iter().for_each(|(_, candidate)| routing.add(ledger, candidate));
    pools.draft.routes = routing.finish(ledger);
}

/// The largest body at each listener of a server that leads to routes.
fn max_bodies(draft: &Draft, server: &Server<'_>) -> Vec<Option<String>> {
    let address = |listen: &Listen<'_>| listen.address.clone();
    let listeners = server
        .listens
        .iter()
        .map(address)
        .filter_map(|address| draft.listeners.iter().find(|listener| listener.address == address));
    let listeners = listeners.filter(|listener| listener.keys.get("redirect").is_none());
    listeners.map(|listener| listener.keys.get("max_body").map(str::to_owned)).collect()
}

/// Whether the captures of a route, if there are any, are of its only regular expression.
fn are_clear(tests: &[Test], action: &Action, changes: &Changes) -> bool {
    let table = match action {
        Action::Redirect(table) => Some(table),
        _ => changes.rewrite.as_ref(),
    };
    let regexes = tests.iter().filter(|test| test.kind == Kind::PathRegex && !test.is_negated);
    table.is_none_or(|table| !table.contains('$'))
        || regexes.map(|test| test.values.len()).sum::<usize>() == 1
}

/// A route of a server, without the host.
#[derive(Debug, Clone)]
struct Wanted {
    tests: Vec<Test>,
    action: Action,
    place: Place,
    guards: bool,
    changes: Changes,
    keys: Keys,
}

/// The routes of a server in the order in which they are tried.
fn wanted(ledger: &mut Ledger, pools: &mut Pools<'_>, server: &Server<'_>) -> Vec<Wanted> {
    let mut all = refusals(ledger, &server.scope);
    let locations = location::collect(&server.scope);
    let mut known: HashMap<Place, Vec<Wanted>> = HashMap::new();
    for choice in precedence::choices(&locations, &[]) {
        let place = choice.location.directive.place;
        let found = known.entry(place).or_insert_with(|| of(ledger, pools, &locations, choice.location));
        all.extend(found.iter().map(|wanted| {
            let tests = choice.tests.iter().chain(&wanted.tests).cloned().collect();
            Wanted { tests, ..wanted.clone() }
        }));
    }
    all
}

/// The routes of a location, without its path: one, or one for each network that may pass or may not.
fn of(
    ledger: &mut Ledger,
    pools: &mut Pools<'_>,
    all: &[Location<'_>],
    location: &Location<'_>,
) -> Vec<Wanted> {
    let Some(test) = location.test() else { return Vec::new() };
    let place = location.directive.place;
    let (action, guards, changes) = match outcome::outcome(ledger, pools, all, location) {
        Outcome::Pool(pool, changes) => {
            let max_body = listeners::max_body(&location.scope);
            (Action::Pool(pool), false, Changes { max_body, ..*changes })
        }
        Outcome::Redirected(table) => (Action::Redirect(table), false, Changes::default()),
        Outcome::Answered(answer, changes) => (Action::Respond(answer), false, *changes),
        Outcome::Split(pools, by, changes) => (Action::Split(pools, Some(by)), false, *changes),
        Outcome::Refused(status) => (Action::Refuse(status), false, Changes::default()),
        Outcome::Guarded(status) => (Action::Refuse(status), true, Changes::default()),
    };
    if !test.can_be_written() {
        let (rank, what) = if guards { (Rank::A, "what it keeps") } else { (Rank::B, "its requests") };
        ledger.list(place, rank, format!("isn't a path or a regular expression that a route can have; {what} may go where a shorter path leads"));
        if !matches!(action, Action::Refuse(_)) {
            return Vec::new();
        }
    }
    let mut found = Vec::new();
    let mut keys = Keys::default();
    if action.reaches_pool() {
        limits::write(ledger, pools.draft, &location.scope, &mut keys);
    }
    if let Action::Pool(pool) = &action {
        mirror::write(ledger, pools, (all, pool.as_str()), &location.scope, &mut keys);
    }
    if !matches!(action, Action::Refuse(_)) {
        found.extend(refusals(ledger, &location.scope));
    }
    // Networks are asked after what a `return` answers.
    if action.reaches_pool() {
        for (rule, network) in guards::networks(&location.scope).unwrap_or_default() {
            let client = network.map(|network| Test::one(Kind::Client, network));
            let is_last = client.is_none();
            let passes = rule.name == "allow";
            ledger.carry(rule.place);
            let (action, at) =
                if passes { (action.clone(), place) } else { (Action::Refuse(403), rule.place) };
            let tests = client.into_iter().collect();
            let (changes, keys) =
                if passes { (changes.clone(), keys.clone()) } else { (Changes::default(), Keys::default()) };
            found.push(Wanted { tests, action, place: at, guards: !passes, changes, keys });
            if is_last {
                return found;
            }
        }
    }
    found.push(Wanted { tests: Vec::new(), action, place, guards, changes, keys });
    found
}

/// What the conditions of a block refuse, as far as a route can ask for it.
fn refusals(ledger: &mut Ledger, scope: &Scope<'_>) -> Vec<Wanted> {
    let mut found = Vec::new();
    for condition in
        scope.own("if").filter(|condition| guards::refuses(condition) && condition.children().len() == 1)
    {
        let Some(asked) = condition::read(condition) else { continue };
        let place = condition.place;
        match (asked.near, asked.misses) {
            (Some(why), true) => ledger.list(place, Rank::A, format!("{why}, so that it may miss some")),
            (Some(why), false) => ledger.list(place, Rank::B, why),
            (None, _) => {}
        }
        ledger.carry(place);
        let mut status = 403;
        for child in condition.children() {
            match child.arg(0).parse::<u16>() {
                Ok(444) => ledger.near(child.place, "closes the connection; what it refuses gets a 403"),
                Ok(written @ 400..=599) => {
                    status = written;
                    ledger.carry(child.place);
                }
                _ => ledger.carry(child.place),
            }
        }
        found.push(Wanted {
            tests: vec![asked.test],
            action: Action::Refuse(status),
            place,
            guards: true,
            changes: Changes::default(),
            keys: Keys::default(),
        });
    }
    found
}

fn comment(ledger: &Ledger, server: &Server<'_>, place: Place) -> String {
    match place == server.directive.place {
        true => format!("server, {}", ledger.named(place)),
        false => format!("{}, {}", ledger.text(place), ledger.named(place)),
    }
}
