//! Whole configurations: what is good in them, and every fault that can be in them.

mod access_log;
mod acme;
mod backend;
mod compression;
mod dns;
mod error_page;
mod examples;
mod exchange_limits;
mod header_rules;
mod health;
mod limit;
mod listener;
mod listener_http2;
mod load;
mod mirror;
mod policy;
mod pool;
mod pool_protocol;
mod pool_tls;
mod proxy_protocol;
mod redirect;
mod respond;
mod rewrite;
mod route;
mod route_listener;
mod split;
mod sticky;
mod tls;
mod traces;
mod whole;

use std::path::Path;

use proptest::prelude::*;

use std::time::Duration;

use pointsman_core::route::PathNormalization;

use super::*;

const LISTENER: &str = "[[listener]]\naddress = '127.0.0.1:0'\n";
const POOL: &str = "[pool.a]\nbackends = ['127.0.0.1:9']\n";

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text, Path::new("f.toml"))
}

fn good(text: &str) -> Config {
    parse(text).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

/// The faults of a text are exactly these: `line: key: message; hint`.
fn check(text: &str, expected: &[&str]) {
    let errors = parse(text).err().unwrap_or_else(|| panic!("no fault was found in\n{text}")).to_string();
    let found: Vec<_> = errors.lines().map(|line| line.trim_start_matches("f.toml:").trim_start()).collect();
    assert_eq!(found, expected, "in\n{text}");
}

/// Checks pieces of configuration, each put where `template` has `{}`.
fn check_all(template: &str, cases: &[(&str, &[&str])]) {
    for (piece, expected) in cases {
        check(&template.replacen("{}", piece, 1), expected);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_in_lines(text in "(\\PC|\n)*") {
        read_or_refused(&text);
    }

    /// Text made of what a configuration is made of comes past the parser more often.
    #[test]
    fn any_shuffled_configuration_is_read_or_refused_in_lines(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
    ) {
        read_or_refused(&pieces.concat());
    }
}

/// Leaves out host names: these tests shall not depend on DNS.
const PIECES: &[&str] = &[
    "\n",
    "\n",
    "\n",
    "\n",
    " ",
    ".",
    "[",
    "]",
    "{",
    "}",
    ",",
    "=",
    " = ",
    " = ",
    "'",
    "\"",
    "#",
    "\\",
    "é",
    "\u{1b}",
    "\r",
    "[[listener]]\n",
    "[[route]]\n",
    "[pool.a]\n",
    "[pool.b]\n",
    "[admin]\n",
    "[dns]\n",
    "[pool.a.policy]\n",
    "[[pool.a.backends]]\n",
    "address",
    "backends",
    "policy",
    "config",
    "pool",
    "host",
    "path",
    "weight",
    "resolve",
    "servers",
    "'each'",
    "'srv'",
    "labels",
    "trusted_proxies",
    "connect_timeout",
    "max_uri_bytes",
    "name",
    "'a'",
    "'127.0.0.1:9'",
    "['127.0.0.1:9']",
    "'/'",
    "'*.a'",
    "'10.0.0.0/8'",
    "'1s'",
    "'64KiB'",
    "0",
    "1",
    "-1",
    "0xff",
    "1e9",
    "nan",
    "true",
    "1979-05-27",
    "{ a = [",
];

fn read_or_refused(text: &str) {
    if let Err(errors) = parse(text) {
        assert!(errors.iter().count() > 0, "refused without a reason");
        assert_eq!(errors.to_string().lines().count(), errors.iter().count(), "{errors}");
        assert!(errors.iter().is_sorted_by_key(|error| error.line));
        let last = text.split('\n').count();
        assert!(errors.iter().all(|error| error.line.is_none_or(|line| (1..=last).contains(&line))));
    }
}
