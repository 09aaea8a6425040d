//! The rules of a frontend in their order: what refuses, and which backend serves.

use std::collections::HashMap;

use super::super::draft::{Action, Draft, RouteDraft};
use super::super::fields::Changes;
use super::super::keys::Keys;
use super::super::ledger::{Ledger, Place, Rank};
use super::super::matching::{Kind, Test};
use super::super::routing::{Candidate, Routing};
use super::super::text::Files;
use super::super::value;
use super::answer::Answer;
use super::chain::Chain;
use super::condition::{Acls, Condition};
use super::limits::Limits;
use super::path::PathChange;
use super::sections::Line;
use super::{acl, answer, headers};

/// What is said of pools, by their names.
#[derive(Default)]
pub(super) struct OfPools {
    /// What of them is compressed.
    pub(super) compression: Vec<(String, Keys)>,
    /// What becomes of paths on the way to them.
    pub(super) paths: HashMap<String, PathChange>,
}

/// What is read while routes are made.
pub(super) struct Rules<'r> {
    pub(super) ledger: &'r mut Ledger,
    pub(super) files: &'r mut Files,
    pub(super) environment: &'r HashMap<String, String>,
    pub(super) draft: &'r Draft,
    pub(super) routing: Routing,
    /// What changes in requests and responses of the section.
    pub(super) changes: Changes,
    /// What is said of pools here.
    pub(super) pools: OfPools,
    /// `acl` lines of rules that no route could follow.
    pub(super) unasked: Vec<Place>,
    /// What limits how often requests come.
    pub(super) limits: Limits<'r>,
    /// What is asked of the listener, if there are those of other sections, too.
    pub(super) listener: Option<Test>,
}

impl Rules<'_> {
    /// Adds the routes of a frontend.
    pub(super) fn add(&mut self, chain: &Chain<'_>) {
        let section = chain.section();
        self.limits.names.clear();
        let acls = Acls::read(section, self.files, self.environment);
        self.changes = headers::changes(self.ledger, section);
        for line in &section.lines {
            if is_refusal(line) {
                if !self.limits.take(self.ledger, section, line) {
                    self.refuse(line, &acls);
                }
            } else if let Some(draft) = answer::of_return(line) {
                self.answer(line, &acls, |_| Some(Action::Respond(draft.clone())));
            } else if line.is("http-request redirect") || line.is("redirect") {
                self.answer(line, &acls, |tests| answer::redirect(line, tests).map(Action::Redirect));
            }
        }
        let backends: Vec<&Line> = section.all("use_backend").collect();
        for (at, line) in backends.iter().enumerate() {
            let next = backends.get(at + 1).map_or_else(|| chain.find("default_backend"), |next| Some(*next));
            match mapped(line) {
                Some(map) => self.map(line, &map),
                None => self.backend(line, &acls, next),
            }
        }
        let own =
            (section.kind() == "listen" && section.all("server").next().is_some()).then_some(&section.header);
        if let Some(line) = chain.find("default_backend") {
            self.pool(line, line.word(1), Vec::new());
        } else if let Some(header) = own {
            self.pool(header, header.word(1), Vec::new());
        }
        for place in std::mem::take(&mut self.unasked) {
            if self.ledger.is_open(place) {
                self.ledger.list(
                    place,
                    Rank::B,
                    "no route can ask for this, or for what stands beside it in its rules",
                );
            }
        }
    }

    fn condition(&mut self, line: &Line, acls: &Acls) -> Condition {
        acls.condition(&line.words, self.files, self.environment)
    }

    /// Whether routes can ask this, with what asks otherwise.
    fn can_be_asked(condition: &Condition) -> bool {
        !condition.is_unknown && condition.any.iter().flatten().all(Test::can_be_written)
    }

    fn refuse(&mut self, line: &Line, acls: &Acls) {
        let condition = self.condition(line, acls);
        if condition.any.is_empty() && !condition.is_unknown {
            return self.ledger.list(line.place, Rank::C, "its condition never holds");
        }
        if !Self::can_be_asked(&condition) || condition.share.is_some() {
            let why = "requests that are refused by this rule aren't; refuse them elsewhere before it serves";
            self.ledger.list(line.place, Rank::A, why);
            condition.acls.iter().for_each(|place| {
                self.ledger.list(*place, Rank::A, "a refusal asks for it, and no route can")
            });
            return;
        }
        let Answer { draft, near } = answer::of_refusal(line);
        match near {
            None => self.ledger.carry(line.place),
            Some(why) => self.ledger.near(line.place, why),
        }
        condition.acls.iter().for_each(|place| self.ledger.carry(*place));
        for tests in condition.any {
            let action = match (&draft.text, draft.status) {
                (None, status @ 400..) => Action::Refuse(status),
                _ => Action::Respond(draft.clone()),
            };
            self.candidate(line, tests, action, true);
        }
    }

    /// Answers what a route can ask for; the rest is listed with what isn't carried over.
    fn answer(&mut self, line: &Line, acls: &Acls, action: impl Fn(&[Test]) -> Option<Action>) {
        let condition = self.condition(line, acls);
        if !Self::can_be_asked(&condition) || condition.share.is_some() || condition.any.is_empty() {
            return;
        }
        let actions: Option<Vec<Action>> = condition.any.iter().map(|tests| action(tests)).collect();
        let Some(actions) = actions else { return };
        self.ledger.carry(line.place);
        condition.acls.iter().for_each(|place| self.ledger.carry(*place));
        for (tests, action) in condition.any.into_iter().zip(actions) {
            self.candidate(line, tests, action, false);
        }
    }

    fn backend(&mut self, line: &Line, acls: &Acls, next: Option<&Line>) {
        let condition = self.condition(line, acls);
        let falls = match next {
            Some(next) => format!(
                "its requests fall to line {} (`{}`)",
                self.ledger.line(next.place),
                self.ledger.text(next.place)
            ),
            None => "its requests find no route".to_owned(),
        };
        if condition.any.is_empty() && !condition.is_unknown {
            return self.ledger.list(line.place, Rank::B, format!("its condition never holds here; {falls}"));
        }
        let (can, cannot): (Vec<_>, Vec<_>) =
            condition.any.iter().cloned().partition(|tests| tests.iter().all(Test::can_be_written));
        if condition.is_unknown || !cannot.is_empty() {
            let why = "asks for what routes can't";
            let part = if can.is_empty() { "" } else { " in part" };
            self.ledger.list(line.place, Rank::B, format!("{why}{part}; {falls}"));
            self.unasked.extend(&condition.acls);
        }
        if let Some(share) = condition.share {
            return self.split(line, (share, next), can);
        }
        for tests in can {
            if self.pool(line, line.word(1), tests) {
                condition.acls.iter().for_each(|place| self.ledger.carry(*place));
            }
        }
    }

    /// A share of the requests for a pool, and the rest for the default, if that is what comes next.
    fn split(&mut self, line: &Line, (share, next): (u64, Option<&Line>), can: Vec<Vec<Test>>) {
        let rest = next.filter(|next| next.is("default_backend")).map(|next| value::name(next.word(1)));
        let pool = value::name(line.word(1));
        let serves =
            |name: &String| self.draft.pool(name).is_some_and(super::super::draft::PoolDraft::serves);
        let Some(rest) = rest.filter(|rest| serves(rest) && serves(&pool) && *rest != pool) else {
            let why = "is a share by chance, and what takes the rest isn't the default; write a `split`";
            return self.ledger.list(line.place, Rank::B, why);
        };
        self.ledger.carry(line.place);
        for tests in can {
            let pools = vec![(pool.clone(), share), (rest.clone(), 100 - share)];
            self.candidate(line, tests, Action::Split(pools, None), false);
        }
    }

    /// Leads to a pool, if there is one of the name.
    fn pool(&mut self, line: &Line, name: &str, tests: Vec<Test>) -> bool {
        let pool = value::name(name);
        if !self.draft.pool(&pool).is_some_and(super::super::draft::PoolDraft::serves) {
            let why = "no pool that serves came of this backend; its requests find no route, or that of a later line";
            self.ledger.list(line.place, Rank::B, why);
            return false;
        }
        self.ledger.carry(line.place);
        self.candidate(line, tests, Action::Pool(pool), false);
        true
    }

    fn candidate(&mut self, line: &Line, tests: Vec<Test>, action: Action, guards: bool) {
        let pool = match &action {
            Action::Pool(pool) => Some(pool),
            _ => None,
        };
        let Some(change) = pool.and_then(|pool| self.pools.paths.get(pool)).cloned() else {
            return self.add_route(line, tests, action, (guards, None));
        };
        let has_regex = tests.iter().any(|test| {
            let is_path = matches!(test.kind, Kind::PathIs | Kind::PathStart | Kind::PathEnd);
            !test.is_negated && (test.kind == Kind::PathRegex || is_path && test.ignores_case)
        });
        match change.regex {
            Some(_) if has_regex => {
                let why = format!(
                    "asks for a path by a regular expression, and so line {} changes none of its paths",
                    self.ledger.line(change.place)
                );
                self.ledger.list(line.place, Rank::B, why);
            }
            Some(regex) => {
                self.carry_change(change.place);
                let some = tests.iter().cloned().chain([Test::one(Kind::PathRegex, regex)]).collect();
                self.add_route(line, some, action.clone(), (guards, Some(change.table)));
            }
            None => {
                self.carry_change(change.place);
                return self.add_route(line, tests, action, (guards, Some(change.table)));
            }
        }
        self.add_route(line, tests, action, (guards, None));
    }

    fn carry_change(&mut self, place: Place) {
        self.ledger.near(
            place,
            "what stays of a path is decoded and encoded again; backends are told of the client's path by `X-Forwarded-Uri`",
        );
    }

    fn add_route(
        &mut self,
        line: &Line,
        tests: Vec<Test>,
        action: Action,
        (guards, rewrite): (bool, Option<String>),
    ) {
        let place: Place = line.place;
        let comment = format!("{}, {}", self.ledger.text(place), self.ledger.named(place));
        let tests = self.listener.iter().cloned().chain(tests).collect();
        // HAProxy changes fields on the way to and from backends only.
        let (changes, keys) = match action.reaches_pool() {
            true => (self.changes.clone(), self.limits.keys()),
            false => (Changes::default(), Keys::default()),
        };
        let changes = Changes { rewrite, ..changes };
        let route = RouteDraft { comment, tests, excluded: Vec::new(), action, changes, keys };
        self.routing.add(self.ledger, Candidate { route, place, guards });
    }

    /// `use_backend %[…,map(FILE,DEFAULT)]`: a line of the file is a route.
    fn map(&mut self, line: &Line, map: &Map) {
        let Some(kind) = map.kind.clone() else {
            return self.ledger.list(
                line.place,
                Rank::B,
                "chooses a backend by what no route can ask for; write a route for each",
            );
        };
        let path = self.files.locate(&map.file);
        let text = match self.files.read(&path) {
            Ok(text) => text,
            Err(fault) => {
                return self.ledger.list(line.place, Rank::B, format!("its map can't be read: {fault}"));
            }
        };
        let file = self.ledger.file(&path.display().to_string());
        let mut entries = Vec::new();
        for (number, written) in text.lines().enumerate() {
            let written = written.trim();
            let Some((key, backend)) = written.split_once(char::is_whitespace) else { continue };
            if written.starts_with('#') {
                continue;
            }
            let place = self.ledger.add(file, number + 1, written);
            let words = vec![key.to_owned(), backend.trim().to_owned()];
            entries.push(Line { place, words });
        }
        self.ledger.carry(line.place);
        for entry in entries {
            let key = entry.word(0).to_ascii_lowercase();
            let test =
                Test::one(kind.clone(), if kind == Kind::Host { key } else { entry.word(0).to_owned() });
            let is_good = kind != Kind::Host || value::is_host(&test.values[0]);
            if !is_good || !test.can_be_written() {
                self.ledger.list(entry.place, Rank::B, "is nothing that a route can ask for");
            } else {
                let name = entry.word(1).to_owned();
                self.pool(&entry, &name, vec![test]);
            }
        }
        if let Some(default) = &map.default {
            self.pool(line, default, Vec::new());
        }
    }
}

/// A choice by a file.
struct Map {
    /// What a key of the file is compared with.
    kind: Option<Kind>,
    file: String,
    default: Option<String>,
}

/// `%[SAMPLE,map(FILE,DEFAULT)]` in the place of a backend's name.
fn mapped(line: &Line) -> Option<Map> {
    let inner = line.word(1).strip_prefix("%[")?.strip_suffix(']')?;
    let parts = acl::split(inner);
    let (map, before) = parts.split_last()?;
    let Some((name, arguments)) = map.split_once('(').filter(|(name, _)| name.starts_with("map")) else {
        return Some(Map { kind: None, file: String::new(), default: None });
    };
    let mut arguments = arguments.trim_end_matches(')').split(',');
    let file = arguments.next().unwrap_or_default().trim().to_owned();
    let default = arguments.next().map(|text| text.trim().to_owned());
    let is_unconditional = line.words.len() == 2;
    let sample = before.first().map_or("", String::as_str);
    let is_host =
        ["req.hdr(host)", "hdr(host)", "req.fhdr(host)"].contains(&sample.to_ascii_lowercase().as_str());
    let is_plain =
        before.iter().skip(1).all(|part| matches!(part.as_str(), "lower" | "field(1,:)" | "host_only"));
    let kind = match name {
        "map" | "map_str" if is_host && is_plain && is_unconditional => Some(Kind::Host),
        "map_beg" if sample == "path" && is_plain && is_unconditional => Some(Kind::PathStart),
        _ => None,
    };
    Some(Map { kind, file, default })
}

fn is_refusal(line: &Line) -> bool {
    [
        "http-request deny",
        "http-request reject",
        "http-request silent-drop",
        "http-request tarpit",
        "tcp-request content reject",
        "tcp-request content silent-drop",
        "block",
    ]
    .iter()
    .any(|keyword| line.is(keyword))
}
