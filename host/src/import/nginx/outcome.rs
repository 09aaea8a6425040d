//! What becomes of the requests of a `location`.

use super::super::draft::AnswerDraft;
use super::super::fields::Changes;
use super::super::ledger::{Ledger, Rank};
use super::super::value;
use super::location::{Location, Shape};
use super::pass::{NoPool, Pools};
use super::scope::Scope;
use super::tree::Directive;
use super::{answer, catalogue, error_page, guards, headers, path, split};

/// What becomes of a location's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Pool(String, Box<Changes>),
    /// Several pools serve them by weight, as this part of a request decides.
    Split(Vec<(String, u64)>, String, Box<Changes>),
    /// They get this answer.
    Answered(AnswerDraft, Box<Changes>),
    /// Their clients are sent elsewhere, as this table says.
    Redirected(String),
    /// They get this status.
    Refused(u16),
    /// They get this status, as nothing here asks what has to be asked before they may pass.
    Guarded(u16),
}

/// What becomes of the requests of a location. Whatever isn't carried over is listed, with all that stands in it.
pub(super) fn outcome(
    ledger: &mut Ledger,
    pools: &mut Pools<'_>,
    all: &[Location<'_>],
    location: &Location<'_>,
) -> Outcome {
    if error_page::is_page(location) {
        error_page::settle(ledger, location);
        return Outcome::Refused(404);
    }
    of_requests(ledger, pools, all, location)
}

/// The same of a location that isn't there for errors.
fn of_requests(
    ledger: &mut Ledger,
    pools: &mut Pools<'_>,
    all: &[Location<'_>],
    location: &Location<'_>,
) -> Outcome {
    odd_path(ledger, location);
    if let Some(kept) = kept(ledger, location) {
        return kept;
    }
    let directive = location.directive;
    let pass = own_pass(&location.scope);
    let returned = location.scope.own("return").next();
    if let (Some(pass), Some(returned)) = (pass, returned) {
        let line = ledger.line(returned.place);
        ledger.list(pass.place, Rank::C, format!("is never asked, as line {line} answers before"));
    }
    // What answers by itself does so before anything is passed on.
    let Some(pass) = pass.filter(|_| returned.is_none()) else {
        return elsewhere(ledger, pools, all, location);
    };
    let rewrites: Vec<&Directive> = location.scope.own("rewrite").collect();
    let rewritten = match rewrites[..] {
        [rewrite] if rewrite.arg(2) == "break" => path::of_rewrite(location, rewrite),
        _ => None,
    };
    if let (Some(rewrite), None) = (rewrites.first(), &rewritten) {
        let line = ledger.line(rewrite.place);
        let why = format!(
            "line {line} changes the path in a way that no route can, and wrong paths would reach its backend without that; its requests get a 404"
        );
        refuse(ledger, location, Rank::B, &why);
        return Outcome::Refused(404);
    }
    if rewritten.is_none()
        && let Some((shares, by)) = split::of(ledger, pools, location, pass)
    {
        ledger.carry(directive.place);
        let changes = headers::changes(ledger, &location.scope, pass, target_name(pass));
        return Outcome::Split(shares, by, Box::new(changes));
    }
    match pools.of(ledger, &location.scope, (pass, location)) {
        Ok((pool, passed)) => {
            ledger.carry(directive.place);
            let mut changes = headers::changes(ledger, &location.scope, pass, target_name(pass));
            // A path that was rewritten goes on as it is by then.
            let change = rewritten.or(passed);
            if change.is_some() {
                let place = rewrites.first().map_or(pass.place, |rewrite| rewrite.place);
                ledger.near(place, "nginx decodes what stays of the path, here it goes on as the client wrote it; `Location` and cookies of responses stay as backends write them, who are told of the client's path by `X-Forwarded-Uri`");
            }
            changes.rewrite = change.map(|change| change.rewrite());
            Outcome::Pool(pool, Box::new(changes))
        }
        Err(NoPool { why }) => {
            refuse(ledger, location, Rank::B, &why);
            Outcome::Refused(404)
        }
    }
}

/// What becomes of the requests of a location that lets none pass, or none that something else isn't asked about first.
fn kept(ledger: &mut Ledger, location: &Location<'_>) -> Option<Outcome> {
    if let Some(internal) = location.scope.own("internal").next() {
        ledger.carry(internal.place);
        refuse(ledger, location, Rank::B, "is for nginx itself; clients get a 404, as there");
        return Some(Outcome::Refused(404));
    }
    if let Some(guard) = guards::of(&location.scope) {
        let why = format!("{}; its requests must not pass without that", guard.why);
        refuse(ledger, location, Rank::A, &why);
        return Some(match guard.status {
            404 => Outcome::Refused(404),
            status => Outcome::Guarded(status),
        });
    }
    None
}

fn target_name(pass: &Directive) -> &str {
    let written = pass.arg(0);
    let rest = written.split_once("://").map_or(written, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn own_pass<'a>(scope: &Scope<'a>) -> Option<&'a Directive> {
    scope.own("proxy_pass").next().or_else(|| scope.own("grpc_pass").next())
}

/// A location that passes nothing on itself.
fn elsewhere(
    ledger: &mut Ledger,
    pools: &mut Pools<'_>,
    all: &[Location<'_>],
    location: &Location<'_>,
) -> Outcome {
    let directive = location.directive;
    // Files first, and a backend for what isn't there: the backend gets all of it.
    if let Some(tried) = location.scope.own("try_files").next()
        && let Some(name) = tried.args.last().filter(|last| last.starts_with('@'))
        && let Some(named) = all.iter().find(|other| other.shape == Shape::Named && other.path == **name)
        && let Outcome::Pool(pool, changes) = outcome(ledger, pools, &[], named)
    {
        ledger.carry(directive.place);
        ledger.near(tried.place, format!("files aren't served; all of its requests go to `{name}`"));
        return Outcome::Pool(pool, changes);
    }
    if let Some(answered) = own_answer(ledger, location) {
        return answered;
    }
    let returned = location.scope.own("return").next();
    let (status, rank, why) = match returned.map(|answer| answer.arg(0)) {
        Some("444") => (404, Rank::B, "closes the connection; here its requests get a 404"),
        Some(status) => match status.parse::<u16>() {
            Ok(status @ (400..=599)) => (
                status,
                Rank::B,
                "answers with what depends on the request; here its requests get the status alone",
            ),
            Ok(300..=399) | Err(_) => (404, Rank::B, "redirects; here its requests get a 404"),
            Ok(_) => (404, Rank::B, "answers with what depends on the request; here its requests get a 404"),
        },
        None if location.scope.own("rewrite").next().is_some() => {
            (404, Rank::B, "redirects or rewrites; here its requests get a 404")
        }
        None => match directive.children().iter().any(|child| child.name.ends_with("_pass")) {
            true => (
                404,
                Rank::B,
                "speaks with its backend in another protocol than HTTP; its requests get a 404",
            ),
            false => (
                404,
                Rank::B,
                "serves files, which nothing does here; its requests get a 404. Put a server of files behind a pool",
            ),
        },
    };
    refuse(ledger, location, rank, why);
    Outcome::Refused(status)
}

/// What a location answers by itself, or where it sends clients, if a route can do the same.
fn own_answer(ledger: &mut Ledger, location: &Location<'_>) -> Option<Outcome> {
    let returned = location.scope.own("return").next();
    if let Some(directive) = returned
        && let Some(answer) = answer::read(&location.scope, directive)
    {
        ledger.carry(location.directive.place);
        ledger.carry(directive.place);
        let changes = answer::changes(ledger, &location.scope, &answer);
        return Some(Outcome::Answered(answer, Box::new(changes)));
    }
    let rewritten = location.scope.own("rewrite");
    let mut elsewhere = returned.into_iter().chain(rewritten);
    let (Some(directive), None) = (elsewhere.next(), elsewhere.next()) else { return None };
    let table = path::redirect(location, directive)?;
    ledger.carry(location.directive.place);
    ledger.carry(directive.place);
    Some(Outcome::Redirected(table))
}

/// Lists a location that isn't carried over, without those within it, which speak for themselves.
fn refuse(ledger: &mut Ledger, location: &Location<'_>, rank: Rank, why: &str) {
    let directive = location.directive;
    ledger.list(directive.place, rank, why);
    let line = ledger.line(directive.place);
    for child in directive.children().iter().filter(|child| child.name != "location") {
        if !ledger.is_open(child.place) {
            continue;
        }
        match catalogue::known(&child.name) {
            Some((Rank::A, why)) => ledger.list(child.place, Rank::A, why),
            _ if child.block.is_some() => {
                let rank = if guards::refuses(child) { Rank::A } else { Rank::B };
                catalogue::list_block(
                    ledger,
                    child,
                    rank,
                    &format!("goes with its location (line {line}), which isn't carried over"),
                );
            }
            _ => ledger.list(
                child.place,
                Rank::B,
                format!("goes with its location (line {line}), which isn't carried over"),
            ),
        }
    }
}

/// nginx compares decoded paths, so that a percent sign in a location is one.
fn odd_path(ledger: &mut Ledger, location: &Location<'_>) {
    let is_escape =
        |piece: &str| piece.as_bytes().get(..2).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit));
    let is_text = matches!(location.shape, Shape::Exact | Shape::Prefix | Shape::FirmPrefix);
    if is_text && location.path.split('%').skip(1).any(is_escape) {
        let why = format!(
            "nginx compares decoded paths, and so this is for paths with percent signs in them, `{}` on the wire; if `{}` was meant, write that",
            value::escaped_path(&location.path),
            location.path,
        );
        ledger.near(location.directive.place, why);
    }
}
