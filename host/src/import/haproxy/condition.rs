//! `if` and `unless`: named and anonymous conditions, and, or, not.

use std::collections::HashMap;

use super::super::ledger::Place;
use super::super::matching::Test;
use super::super::text::Files;
use super::acl::{self, Criterion};
use super::sections::Section;

/// Most alternatives that a condition may have when it is written out.
const MOST: usize = 64;

/// The `acl` lines of a section: those of one name are alternatives.
#[derive(Debug, Default)]
pub(super) struct Acls {
    named: HashMap<String, Vec<(Place, Criterion)>>,
}

/// When a rule holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Condition {
    /// All tests of one of these.
    pub(super) any: Vec<Vec<Test>>,
    /// The `acl` lines that it is made of.
    pub(super) acls: Vec<Place>,
    /// So many of a hundred requests that fit, by chance.
    pub(super) share: Option<u64>,
    /// Something in it isn't understood.
    pub(super) is_unknown: bool,
}

/// A term as alternatives of tests; none that isn't understood.
type Terms = Option<Vec<Vec<Test>>>;

impl Acls {
    pub(super) fn read(section: &Section, files: &mut Files, environment: &HashMap<String, String>) -> Self {
        let mut acls = Self::default();
        for line in section.all("acl").filter(|line| line.words.len() > 2) {
            let criterion = acl::read(&line.words[2..], files, environment);
            acls.named.entry(line.word(1).to_owned()).or_default().push((line.place, criterion));
        }
        acls
    }

    /// The condition behind `if` or `unless`; without one a rule always holds.
    pub(super) fn condition(
        &self,
        words: &[String],
        files: &mut Files,
        environment: &HashMap<String, String>,
    ) -> Condition {
        let at = words.iter().position(|word| word == "if" || word == "unless");
        let Some(at) = at else { return Condition { any: vec![Vec::new()], ..Condition::default() } };
        let mut condition = Condition::default();
        let mut any: Terms = Some(Vec::new());
        let mut all: Terms = Some(vec![Vec::new()]);
        let mut rest = words[at + 1..].iter();
        let mut is_negated = false;
        while let Some(word) = rest.next() {
            let (word, negated) = match word.strip_prefix('!') {
                Some(word) => (word, !is_negated),
                None => (word.as_str(), is_negated),
            };
            is_negated = false;
            let term = match word {
                "" => {
                    is_negated = negated;
                    continue;
                }
                "or" | "||" => {
                    any = or(any, all.replace(vec![Vec::new()]));
                    continue;
                }
                "{" => {
                    let inner: Vec<String> = rest.by_ref().take_while(|word| *word != "}").cloned().collect();
                    if let Some(share) = share(&inner).filter(|_| !negated && condition.share.is_none()) {
                        condition.share = Some(share);
                        continue;
                    }
                    terms(&[acl::read(&inner, files, environment)])
                }
                name => self.named(name, &mut condition.acls),
            };
            let term = if negated { term.and_then(not) } else { term };
            all = and(all, term);
        }
        any = or(any, all);
        let is_alternative = words[at + 1..].iter().any(|word| word == "or" || word == "||");
        if condition.share.is_some() && (is_alternative || words[at] == "unless") {
            any = None;
        }
        if words[at] == "unless" {
            any = any.and_then(not);
        }
        match any {
            Some(any) => condition.any = any,
            None => condition.is_unknown = true,
        }
        condition
    }

    fn named(&self, name: &str, used: &mut Vec<Place>) -> Terms {
        let method =
            |name: &str| terms(&[Criterion::Test(Test::one(super::super::matching::Kind::Method, name))]);
        match (self.named.get(name), name) {
            (Some(lines), _) => {
                used.extend(lines.iter().map(|(place, _)| *place));
                terms(&lines.iter().map(|(_, criterion)| criterion.clone()).collect::<Vec<_>>())
            }
            (None, "TRUE" | "HTTP") => Some(vec![Vec::new()]),
            (None, "FALSE") => Some(Vec::new()),
            (None, "METH_GET") => terms(&[Criterion::Test(Test::new(
                super::super::matching::Kind::Method,
                vec!["GET".into(), "HEAD".into()],
            ))]),
            (None, name) => match name.strip_prefix("METH_") {
                Some(name) => method(name),
                None => None,
            },
        }
    }
}

/// `rand(100) lt 30`: thirty of a hundred.
fn share(words: &[String]) -> Option<u64> {
    let [sample, operator, number] = words else { return None };
    let all: u64 = sample.strip_prefix("rand(")?.strip_suffix(')')?.parse().ok()?;
    let number: u64 = number.parse().ok()?;
    let number = match operator.as_str() {
        "lt" => number,
        "le" => number + 1,
        _ => return None,
    };
    (all > 0 && number <= all).then(|| number * 100 / all)
}

/// Alternatives.
fn terms(criteria: &[Criterion]) -> Terms {
    let mut any = Vec::new();
    for criterion in criteria {
        match criterion {
            Criterion::Test(test) => any.push(vec![test.clone()]),
            Criterion::Always(true) => any.push(Vec::new()),
            Criterion::Always(false) => {}
            Criterion::Unknown => return None,
        }
    }
    Some(any)
}

fn or(one: Terms, other: Terms) -> Terms {
    let mut any = one?;
    any.extend(other?);
    (any.len() <= MOST).then_some(any)
}

fn and(one: Terms, other: Terms) -> Terms {
    let (one, other) = (one?, other?);
    if one.len() * other.len() > MOST {
        return None;
    }
    Some(one.iter().flat_map(|a| other.iter().map(move |b| [a.clone(), b.clone()].concat())).collect())
}

/// None of the alternatives: of each of them one test fails.
fn not(any: Vec<Vec<Test>>) -> Terms {
    let failed = |all: Vec<Test>| {
        all.into_iter().map(|test| vec![Test { is_negated: !test.is_negated, ..test }]).collect::<Vec<_>>()
    };
    any.into_iter().map(failed).try_fold(vec![Vec::new()], |all, one| and(Some(all), Some(one)))
}
