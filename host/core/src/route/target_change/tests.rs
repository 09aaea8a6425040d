//! New targets, and what hostile paths make of them.

use proptest::prelude::*;

use super::*;
use crate::route::Regex;

fn prefix(from: &[&str], to: &str) -> TargetChange {
    let from: Vec<String> = from.iter().map(|&prefix| prefix.to_owned()).collect();
    TargetChange { path: Some(PathChange::Prefix(PrefixChange::new(&from, to))), query: QueryChange::Keep }
}

fn whole(regex: &str, path: &str, query: Option<&str>) -> TargetChange {
    let regexes = [Regex::new(regex).expect("a regular expression")];
    let template = |text| Template::new(text, &regexes).expect("a template");
    TargetChange {
        path: Some(PathChange::Whole(template(path))),
        query: query.map_or(QueryChange::Keep, |query| QueryChange::Set(template(query))),
    }
}

fn apply(
    change: &TargetChange,
    target: &str,
    normalization: PathNormalization,
) -> Result<String, TargetError> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let new = change.apply(path.as_bytes(), query.map(str::as_bytes), normalization)?;
    Ok(String::from_utf8(new).expect("text"))
}

#[test]
fn a_prefix_makes_room_for_another_one() {
    for (from, to, target, expected) in [
        (&["/api"][..], "", "/api/x?y", "/x?y"),
        (&["/api"], "", "/api", "/"),
        (&["/api"], "", "/api/", "/"),
        (&["/api"], "", "/api?", "/?"),
        (&["/api/"], "/v2/", "/api/x", "/v2/x"),
        (&["/api"], "/v2/", "/api", "/v2"),
        (&["/api"], "/", "/api/x", "/x"),
        (&["/"], "/v2", "/x", "/v2/x"),
        (&["/api"], "", "/apix", "/apix"),
        (&["/api"], "", "/x/api", "/x/api"),
        (&["/a", "/a/b"], "", "/a/b/c", "/c"),
        // Escapes of the client's stay what they are.
        (&["/api"], "", "/api/group%2Fproject?a%2Fb", "/group%2Fproject?a%2Fb"),
        (&["/api"], "/v2", "/api/a%20b/%c3%a9;v=1", "/v2/a%20b/%c3%a9;v=1"),
        (&["/a%20b"], "", "/a%20b/c%20d", "/c%20d"),
        (&["/a b"], "", "/a%20b/c%20d", "/c%20d"),
        // What only the compared form tells is what that form says.
        (&["/api"], "", "/%61pi/x%2fy%20z", "/x/y%20z"),
        (&["/api"], "", "//api//x", "/x"),
        (&["/api"], "/v2", "/x/../api/y", "/v2/y"),
        (&["/api"], "/v2", "/api/x/../y", "/v2/x/../y"),
    ] {
        assert_eq!(
            apply(&prefix(from, to), target, PathNormalization::Match),
            Ok(expected.to_owned()),
            "{target}"
        );
    }
}

#[test]
fn nothing_leads_out_of_the_new_prefix() {
    for (target, expected) in [
        ("/api/../api/x", "/v2/x"),
        ("/api/..%2fapi/x", "/v2/x"),
        ("/api/y/../../api/x", "/v2/x"),
        ("/api/%2e%2e/api/x", "/v2/x"),
        ("/api/%2e%2e%2fapi%2f%2e%2e%2fapi", "/v2"),
        ("/api/../x", "/api/../x"),
        ("/api..", "/api.."),
        ("/api;/../x", "/api;/../x"),
        ("/api/..;/x", "/v2/..;/x"),
        ("/api/%252e%252e/x", "/v2/%252e%252e/x"),
    ] {
        assert_eq!(
            apply(&prefix(&["/api"], "/v2"), target, PathNormalization::Match),
            Ok(expected.to_owned()),
            "{target}"
        );
    }
    // Where bytes are compared, so are they here, but for what would lead out.
    for (target, expected) in [
        ("/api/x/../y", Ok("/v2/x/../y")),
        ("/api/%61", Ok("/v2/%61")),
        ("/%61pi/x", Ok("/%61pi/x")),
        ("/api//x", Ok("/v2//x")),
        ("/api/../x", Err(TargetError::OddPath)),
        ("/api/%2e%2e/x", Err(TargetError::OddPath)),
        ("/api/..%2fx", Err(TargetError::OddPath)),
        ("/api/x/../../y", Err(TargetError::OddPath)),
    ] {
        assert_eq!(
            apply(&prefix(&["/api"], "/v2"), target, PathNormalization::Off),
            expected.map(str::to_owned),
            "{target}"
        );
    }
}

#[test]
fn no_path_becomes_a_host() {
    for (change, target, expected) in [
        (prefix(&["/api"], ""), "/api//evil.example/", "/evil.example/"),
        (prefix(&["/api"], ""), "/api///evil.example", "/evil.example"),
        (prefix(&["/api"], ""), "/api/\\evil.example", "/%5Cevil.example"),
        (prefix(&["/api"], ""), "/api/%5cevil.example", "/%5cevil.example"),
        (prefix(&["/api"], ""), "/api/%2fevil.example", "/%2fevil.example"),
        (prefix(&["/api"], "/"), "/api//evil.example", "/evil.example"),
        (whole("^/go(.*)", "$1", None), "/go//evil.example", "/evil.example"),
        (whole("^/go/(.*)", "/$1", None), "/go//evil.example", "/evil.example"),
        (whole("^/go/(.*)", "/$1", None), "/go/%2fevil.example", "/evil.example"),
        (whole("^/go/(.*)", "/$1", None), "/go/\\evil.example", "/%5Cevil.example"),
        (whole("^/go/(.*)", "/$1", None), "/go/%09/evil.example", "/%09/evil.example"),
        (whole("^/go/(.*)", "$1", None), "/go/evil.example", "/evil.example"),
        (whole("^/go/(.*)", "$1", None), "/go/https://evil.example", "/https:/evil.example"),
        (whole("^/go/(.*)", "$1", None), "/go/", "/"),
    ] {
        for normalization in [PathNormalization::Match, PathNormalization::Off] {
            let new = apply(&change, target, normalization).expect(target);
            assert!(new.starts_with('/') && !new[1..].starts_with(['/', '\\']), "{target}: {new}");
            if normalization == PathNormalization::Match {
                assert_eq!(new, expected, "{target}");
            }
        }
    }
}

#[test]
fn captures_make_no_lines_queries_and_steps() {
    let item = whole("^/item/(.*)$", "/i/$1", Some("id=$1"));
    for (target, expected) in [
        ("/item/7?x=y", Ok("/i/7?id=7")),
        ("/item/a%0d%0aSet-Cookie:x", Ok("/i/a%0D%0ASet-Cookie:x?id=a%0D%0ASet-Cookie:x")),
        ("/item/%00", Ok("/i/%00?id=%00")),
        ("/item/a%26b=c%3fd%23", Ok("/i/a&b=c%3Fd%23?id=a%26b%3Dc%3Fd%23")),
        ("/item/%c3%a9%25", Ok("/i/%C3%A9%25?id=%C3%A9%25")),
        ("/item/a/../b", Ok("/i/b?id=b")),
    ] {
        assert_eq!(apply(&item, target, PathNormalization::Match), expected.map(str::to_owned), "{target}");
    }
    // The slash that is left out in a location block of nginx.
    let alias = whole("^/static(.*)$", "/data/$1", None);
    for normalization in [PathNormalization::Match, PathNormalization::Off] {
        assert_eq!(apply(&alias, "/static..", normalization), Err(TargetError::OddPath));
        assert_eq!(apply(&alias, "/static../secret", normalization), Err(TargetError::OddPath));
        assert_eq!(apply(&alias, "/static.%2e/secret", normalization), Err(TargetError::OddPath));
        assert_eq!(apply(&alias, "/static/x", normalization), Ok("/data//x".to_owned()));
    }
}

#[test]
fn a_query_stays_goes_or_is_another_one() {
    let template = |text| Template::new(text, &[]).expect("a template");
    for (query, target, expected) in [
        (QueryChange::Keep, "/?a=b?c", "/?a=b?c"),
        (QueryChange::Keep, "/?", "/?"),
        (QueryChange::Drop, "/?a", "/"),
        (QueryChange::Drop, "/", "/"),
        (QueryChange::Set(template("x=1")), "/?a", "/?x=1"),
        (QueryChange::Add(template("x=1")), "/?a&b", "/?x=1&a&b"),
        (QueryChange::Add(template("x=1")), "/?", "/?x=1"),
        (QueryChange::Add(template("x=1")), "/", "/?x=1"),
    ] {
        let change = TargetChange { path: None, query };
        assert_eq!(apply(&change, target, PathNormalization::Match), Ok(expected.to_owned()), "{change:?}");
    }
}

#[test]
fn a_target_has_an_end() {
    let twice = whole("^(.*)$", "$1$1", None);
    let long = format!("/{}", "a".repeat(32_255));
    assert_eq!(apply(&twice, &long, PathNormalization::Match).map(|new| new.len()), Ok(64_512));
    assert_eq!(apply(&twice, &format!("{long}a"), PathNormalization::Match), Err(TargetError::TooLong));
}

proptest! {
    /// The new path is what the route saw of the old one behind the new prefix, whichever way it is written.
    #[test]
    fn what_follows_a_prefix_stays_the_same(
        pieces in prop::collection::vec(
            prop::sample::select(&["/", "/", "api", "api", "v2", ".", "..", "%2e", "%2f", "%61pi", "\\", "%5c", ";", "%", "x"][..]), 0..14,
        ),
    ) {
        let path = ["/", &pieces.concat()].concat();
        let path = path.as_bytes();
        let change = prefix(&["/api"], "/v2");
        let new = change.apply(path, None, PathNormalization::Match).expect("short");
        match strip(&compared(path), "/api") {
            Some(rest) => prop_assert_eq!(&*compared(&new), &[b"/v2", rest].concat()[..]),
            None => prop_assert_eq!(&new[..], path),
        }
    }
}
