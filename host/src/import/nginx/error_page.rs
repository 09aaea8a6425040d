//! `error_page` and `proxy_intercept_errors`: pages that are files, or texts of named locations.

use std::path::Path;

use super::super::draft::{PageContent, PageDraft, PoolDraft};
use super::super::ledger::{Ledger, Rank};
use super::super::paths::Paths;
use super::super::value;
use super::location::{self, Location, Shape};
use super::scope::Scope;
use super::tree::Directive;
use super::{answer, catalogue};
use crate::config::{is_media_type, type_of_name};

/// Gives a pool the pages that hold at a place, and the statuses of its backends in whose place they come.
pub(super) fn write(ledger: &mut Ledger, scope: &Scope<'_>, kind: &str, paths: &Paths, pool: &mut PoolDraft) {
    let mut known: Vec<u16> = Vec::new();
    for directive in scope.all(&["error_page"]) {
        if let Some(page) = page(ledger, scope, directive, paths, &known) {
            known.extend(&page.statuses);
            pool.responses.error_pages.push(page);
        }
    }
    let Some(found) = scope.find(&format!("{kind}_intercept_errors")) else { return };
    if found.arg(0) != "on" {
        return ledger.carry(found.place);
    }
    if known.is_empty() {
        let why = "has no effect without a page that is carried over";
        return ledger.list(found.place, Rank::B, why);
    }
    known.sort_unstable();
    pool.keys.set("intercept", value::list(known.iter().map(u16::to_string)));
    ledger.carry(found.place);
}

/// Whether a location is there for errors, as a page of one of them.
pub(super) fn is_page(location: &Location<'_>) -> bool {
    let is_it = |found: &Directive| found.name == "error_page" && found.args.last() == Some(&location.path);
    let mut is_named = location.scope.all(&["error_page"]).into_iter().any(is_it);
    for found in location.scope.with_locations().map_or(&[][..], |server| server.here()) {
        is_named |= is_it(found);
        found.each(&mut |child| is_named |= is_it(child));
    }
    is_named && location.shape == Shape::Exact && is_of_files(location)
}

/// What a directive says for these statuses that none before it has said anything of. Whatever isn't carried over is listed.
fn page(
    ledger: &mut Ledger,
    scope: &Scope<'_>,
    directive: &Directive,
    paths: &Paths,
    known: &[u16],
) -> Option<PageDraft> {
    let (uri, rest) = directive.args.split_last()?;
    let (codes, response) = match rest.split_last() {
        Some((response, codes)) if response.starts_with('=') => (codes, Some(response.as_str())),
        _ => (rest, None),
    };
    let mut statuses: Vec<u16> = Vec::new();
    for code in codes {
        match code.parse::<u16>() {
            Ok(status @ (400..=493 | 500..=599)) => statuses.push(status),
            _ => {
                let why = "is no status of an error that is answered here";
                ledger.list_piece(directive.place, code, Rank::B, why);
            }
        }
    }
    if statuses.is_empty() {
        return None;
    }
    statuses.retain(|status| !known.contains(status));
    if statuses.is_empty() {
        ledger.list(directive.place, Rank::C, "a line before it is for the same statuses");
        return None;
    }
    let (content, media_type, own) = match source(ledger, scope, uri, paths) {
        Ok(found) => found,
        Err(why) => {
            ledger.list(directive.place, Rank::B, why);
            return None;
        }
    };
    // What is answered where another status is asked for, or the page has its own.
    let other = match response {
        None => None,
        Some("=") => Some(own.unwrap_or(200)),
        Some(response) => response[1..].parse().ok(),
    };
    match other.filter(|other| statuses.iter().any(|status| status != other)) {
        Some(other) => ledger.near(directive.place, format!("the status stays, where nginx answers {other}")),
        None => ledger.carry(directive.place),
    }
    Some(PageDraft { statuses, media_type, content })
}

/// Where a page comes from: its content, its media type unless the file's name shows it, and the status that goes with it.
fn source(
    ledger: &mut Ledger,
    scope: &Scope<'_>,
    uri: &str,
    paths: &Paths,
) -> Result<(PageContent, Option<String>, Option<u16>), &'static str> {
    const ELSEWHERE: &str =
        "leads clients or the request elsewhere after an error; pages are files and texts";
    if uri.contains('$') {
        return Err("its page depends on the request");
    }
    let server = scope.with_locations().unwrap_or_else(|| scope.clone());
    let locations = location::collect(&server);
    if uri.starts_with('@') {
        let named = locations.iter().find(|found| found.shape == Shape::Named && found.path == uri);
        let named = named.ok_or(ELSEWHERE)?;
        let returned = named.scope.own("return").next().ok_or(ELSEWHERE)?;
        let answer = answer::read(&named.scope, returned).ok_or(ELSEWHERE)?;
        let text = answer.text.filter(|text| !text.is_empty()).ok_or("its page has no text")?;
        if let Some(found) = named.scope.own("default_type").next() {
            ledger.carry(found.place);
        }
        ledger.carry(named.directive.place);
        ledger.carry(returned.place);
        return Ok((PageContent::Text(placeholder_free(text)?), answer.media_type, Some(answer.status)));
    }
    if !uri.starts_with('/') || uri.contains('?') {
        return Err(ELSEWHERE);
    }
    let (file, media_type) = file(ledger, &server, &locations, uri)
        .ok_or("its page isn't a file for certain; name one as `file` of an `[[error_page]]`")?;
    Ok((PageContent::File(paths.of(&file)), media_type, None))
}

/// Names in braces would stand for something here.
fn placeholder_free(text: String) -> Result<String, &'static str> {
    if ["{status}", "{reason}", "{request_id}"].iter().any(|name| text.contains(name)) {
        return Err("its page has a name in braces that stands for something here");
    }
    Ok(text)
}

/// The file of a URI, and its media type unless the name shows that.
fn file(
    ledger: &mut Ledger,
    server: &Scope<'_>,
    locations: &[Location<'_>],
    uri: &str,
) -> Option<(String, Option<String>)> {
    let exact = locations.iter().find(|found| found.shape == Shape::Exact && found.path == uri);
    let by_prefix = || {
        let prefixes = locations.iter().filter(|found| {
            matches!(found.shape, Shape::Prefix | Shape::FirmPrefix) && uri.starts_with(&found.path)
        });
        prefixes.max_by_key(|found| found.path.len())
    };
    let found = exact.or_else(by_prefix);
    // A regular expression could take it, unless something keeps those out.
    let is_certain = found.is_some_and(|found| matches!(found.shape, Shape::Exact | Shape::FirmPrefix))
        || locations.iter().all(|found| found.shape != Shape::Regex);
    if !is_certain || found.is_some_and(|found| !is_of_files(found)) {
        return None;
    }
    let scope = found.map_or(server, |found| &found.scope);
    let alias = found.and_then(|found| Some((found, found.scope.own("alias").next()?)));
    let path = match alias {
        Some((found, alias)) => format!("{}{}", alias.arg(0), &uri[found.path.len()..]),
        None => format!("{}{uri}", scope.find("root")?.arg(0).trim_end_matches('/')),
    };
    if path.contains('$') {
        return None;
    }
    if let Some(found) = found.filter(|found| found.shape == Shape::Exact) {
        settle(ledger, found);
    }
    let media_type = match type_of_name(Path::new(&path)) {
        Some(_) => None,
        None => {
            let given = scope.find("default_type").map(|found| found.arg(0));
            Some(given.filter(|given| is_media_type(given)).unwrap_or("text/plain").to_owned())
        }
    };
    Some((path, media_type))
}

/// Whether a location does nothing but serve files.
fn is_of_files(location: &Location<'_>) -> bool {
    let children = location.directive.children();
    location.nested.is_empty()
        && children.iter().all(|child| {
            let name = child.name.as_str();
            !name.ends_with("_pass")
                && !["return", "rewrite", "try_files", "if", "deny", "auth_basic", "auth_request"]
                    .contains(&name)
        })
}

/// Says what becomes of the location of a page.
pub(super) fn settle(ledger: &mut Ledger, location: &Location<'_>) {
    if location.scope.own("internal").next().is_some() {
        ledger.carry(location.directive.place);
    } else {
        let why = "is the page of an error; clients that ask for it by itself get a 404";
        ledger.near(location.directive.place, why);
    }
    for child in location.directive.children() {
        match child.name.as_str() {
            "internal" | "root" | "alias" | "default_type" => ledger.carry(child.place),
            _ if ledger.is_open(child.place) => catalogue::list(ledger, child),
            _ => {}
        }
    }
}
