//! `location`: which requests it is for, and what becomes of them.

use super::super::fields::Changes;
use super::super::ledger::{Ledger, Rank};
use super::super::matching::{Kind, Test};
use super::super::value;
use super::catalogue;
use super::pass::{NoPool, Pools};
use super::scope::Scope;
use super::tree::Directive;
use super::{guards, headers};

/// How a location compares paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Exact,
    Prefix,
    /// A prefix that keeps regular expressions out: `^~`.
    FirmPrefix,
    Regex,
    Named,
}

/// A location with the blocks around it.
#[derive(Debug, Clone)]
pub(super) struct Location<'a> {
    pub(super) directive: &'a Directive,
    pub(super) shape: Shape,
    pub(super) path: String,
    pub(super) ignores_case: bool,
    pub(super) scope: Scope<'a>,
    pub(super) nested: Vec<Self>,
}

/// What becomes of a location's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Pool(String, Box<Changes>),
    /// They get this status.
    Refused(u16),
    /// They get this status, as nothing here asks what has to be asked before they may pass.
    Guarded(u16),
}

/// The locations of a block, each with those within it.
pub(super) fn collect<'a>(scope: &Scope<'a>) -> Vec<Location<'a>> {
    scope.own("location").map(|directive| read(scope, directive)).collect()
}

fn read<'a>(scope: &Scope<'a>, directive: &'a Directive) -> Location<'a> {
    let (shape, path, ignores_case) = match (directive.arg(0), directive.args.len()) {
        ("=", 2) => (Shape::Exact, directive.arg(1), false),
        ("^~", 2) => (Shape::FirmPrefix, directive.arg(1), false),
        ("~", 2) => (Shape::Regex, directive.arg(1), false),
        ("~*", 2) => (Shape::Regex, directive.arg(1), true),
        (one, _) => match one.as_bytes() {
            [b'=', ..] => (Shape::Exact, &one[1..], false),
            [b'^', b'~', ..] => (Shape::FirmPrefix, &one[2..], false),
            [b'~', b'*', ..] => (Shape::Regex, &one[2..], true),
            [b'~', ..] => (Shape::Regex, &one[1..], false),
            [b'@', ..] => (Shape::Named, one, false),
            _ => (Shape::Prefix, one, false),
        },
    };
    let inner = scope.inside(directive);
    let nested = collect(&inner);
    Location { directive, shape, path: path.to_owned(), ignores_case, scope: inner, nested }
}

impl Location<'_> {
    /// What a route has to ask; none for what no request asks for.
    pub(super) fn test(&self) -> Option<Test> {
        let path = value::escaped_path(&self.path);
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        match self.shape {
            Shape::Exact => Some(Test::one(Kind::PathIs, path)),
            Shape::Prefix | Shape::FirmPrefix => Some(Test::one(Kind::PathStart, path)),
            Shape::Regex => {
                let mut test = Test::one(Kind::PathRegex, self.path.clone());
                test.ignores_case = self.ignores_case;
                Some(test)
            }
            Shape::Named => None,
        }
    }
}

/// What becomes of the requests of a location. Whatever isn't carried over is listed, with all that stands in it.
pub(super) fn outcome(
    ledger: &mut Ledger,
    pools: &mut Pools<'_>,
    all: &[Location<'_>],
    location: &Location<'_>,
) -> Outcome {
    odd_path(ledger, location);
    let directive = location.directive;
    if let Some(guard) = guards::of(&location.scope) {
        let why = format!("{}; its requests must not pass without that", guard.why);
        refuse(ledger, location, Rank::A, &why);
        return match guard.status {
            404 => Outcome::Refused(404),
            status => Outcome::Guarded(status),
        };
    }
    let pass = own_pass(&location.scope);
    let Some(pass) = pass else { return elsewhere(ledger, pools, all, location) };
    if let Some(rewrite) = location.scope.own("rewrite").next() {
        let line = ledger.line(rewrite.place);
        let why = format!(
            "line {line} changes the path on its way to the backend, and wrong paths would reach it without that; its requests find no route"
        );
        refuse(ledger, location, Rank::B, &why);
        return Outcome::Refused(404);
    }
    match pools.of(ledger, &location.scope, (pass, &location.path)) {
        Ok(pool) => {
            ledger.carry(directive.place);
            let changes = headers::changes(ledger, &location.scope, pass, target_name(pass));
            Outcome::Pool(pool, Box::new(changes))
        }
        Err(NoPool { why }) => {
            refuse(ledger, location, Rank::B, &why);
            Outcome::Refused(404)
        }
    }
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
    let answer = location.scope.own("return").next();
    let (status, rank, why) = match answer.map(|answer| answer.arg(0)) {
        Some("444") => {
            (404, Rank::B, "closes the connection; here its requests find no route, and get a 404")
        }
        Some(status) => match status.parse::<u16>() {
            Ok(status @ (400..=599)) => {
                (status, Rank::B, "answers by itself; here its requests find no route, and get a 404")
            }
            Ok(300..=399) | Err(_) => {
                (404, Rank::B, "redirects; here its requests find no route, and get a 404")
            }
            Ok(_) => (404, Rank::B, "answers by itself; here its requests find no route, and get a 404"),
        },
        None if location.scope.own("rewrite").next().is_some() => {
            (404, Rank::B, "redirects or rewrites; here its requests find no route, and get a 404")
        }
        None => match directive.children().iter().any(|child| child.name.ends_with("_pass")) {
            true => (
                404,
                Rank::B,
                "speaks with its backend in another protocol than HTTP; its requests find no route",
            ),
            false => (
                404,
                Rank::B,
                "serves files, which nothing does here; its requests find no route. Put a server of files behind a pool",
            ),
        },
    };
    refuse(ledger, location, rank, why);
    Outcome::Refused(status)
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
