//! The keys of a route for what it asks.

use super::keys::Keys;
use super::matching::{Compare, Kind, Test};
use super::value;
use crate::config::literal;

/// The order of the keys in a route.
pub(super) const ORDER: [&str; 15] = [
    "listener",
    "host",
    "exact",
    "prefix",
    "starts_with",
    "suffix",
    "regex",
    "method",
    "scheme",
    "protocol",
    "client",
    "header",
    "query",
    "cookie",
    "not",
];

/// The keys of a route that asks all of the tests, and that excludes what fits all tests of any of `excluded`; none if it can't ask something.
pub(super) fn written(tests: &[Test], excluded: &[Vec<Test>]) -> Option<Keys> {
    let mut all = Match::default();
    for test in tests {
        all.add(&test.plain()?);
    }
    for tests in excluded {
        let inner = written(tests, &[])?;
        all.not.push(table(&inner));
    }
    Some(all.keys())
}

/// What a route or a table of `not` asks.
#[derive(Debug, Default)]
struct Match {
    keys: Keys,
    header: Vec<(String, String)>,
    query: Vec<(String, String)>,
    cookie: Vec<(String, String)>,
    not: Vec<String>,
}

impl Match {
    fn add(&mut self, test: &Test) {
        if test.is_negated {
            let inner = Self::of(test);
            self.not.push(inner);
            return;
        }
        let named = match &test.kind {
            Kind::Header(name, compare) => Some((&mut self.header, name, *compare)),
            Kind::Query(name, compare) => Some((&mut self.query, name, *compare)),
            Kind::Cookie(name, compare) => Some((&mut self.cookie, name, *compare)),
            _ => None,
        };
        if let Some((entries, name, compare)) = named {
            if entries.iter().any(|(other, _)| other == name) {
                self.also(test);
            } else {
                entries.push((name.clone(), demand(compare, &test.values)));
            }
            return;
        }
        let Some((key, values)) = plain(test) else { return };
        match self.keys.get(key) {
            Some(_) => self.also(test),
            None => self.keys.set(key, one_or_more(&values)),
        }
    }

    /// A key is there once: what stands in its way is what must not fail to match.
    fn also(&mut self, test: &Test) {
        self.not.push(format!("{{ not = {} }}", Self::of(test)));
    }

    /// The table that asks for what the test does, or excludes.
    fn of(test: &Test) -> String {
        let mut inner = Self::default();
        inner.add(&Test { is_negated: false, ..test.clone() });
        table(&inner.keys())
    }

    fn keys(mut self) -> Keys {
        for (key, entries) in [("header", &self.header), ("query", &self.query), ("cookie", &self.cookie)] {
            if !entries.is_empty() {
                let entries: Vec<_> =
                    entries.iter().map(|(name, demand)| format!("{} = {demand}", value::key(name))).collect();
                self.keys.set(key, format!("{{ {} }}", entries.join(", ")));
            }
        }
        match &self.not[..] {
            [] => {}
            [one] => self.keys.set("not", one.clone()),
            more => self.keys.set("not", value::list(more.iter().cloned())),
        }
        self.keys
    }
}

fn table(keys: &Keys) -> String {
    let keys: Vec<_> = keys.in_order(&ORDER).map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", keys.join(", "))
}

/// The key for a test, and its values; none for what every request fits.
fn plain(test: &Test) -> Option<(&'static str, Vec<String>)> {
    let values = || test.values.clone();
    Some(match &test.kind {
        Kind::Host => ("host", values()),
        Kind::HostBelow => ("host", test.values.iter().map(|domain| format!("*.{domain}")).collect()),
        Kind::PathIs => ("exact", values()),
        Kind::PathStart if test.values.iter().any(|value| value == "/") => return None,
        // By whole segments it is the same.
        Kind::PathStart if test.values.iter().all(|value| value.ends_with('/')) => ("starts_with", values()),
        Kind::PathStart => ("starts_with", values()),
        Kind::PathEnd => ("suffix", values()),
        Kind::PathRegex => ("regex", values()),
        Kind::Method => ("method", values()),
        Kind::Client => ("client", values()),
        Kind::Protocol => ("protocol", values()),
        Kind::Listener => ("listener", values()),
        Kind::HostRegex | Kind::Header(..) | Kind::Query(..) | Kind::Cookie(..) => return None,
    })
}

fn demand(compare: Compare, values: &[String]) -> String {
    let key = match compare {
        Compare::Present => return "true".into(),
        Compare::Is => return one_or_more(values),
        Compare::Start => "prefix",
        Compare::End => "suffix",
        Compare::Contains => "contains",
        Compare::Regex => "regex",
    };
    format!("{{ {key} = {} }}", one_or_more(values))
}

fn one_or_more(values: &[String]) -> String {
    match values {
        [one] => literal(one),
        more => value::texts(more),
    }
}
