//! Lines in their sections, with `.if` branches chosen by the environment.

use std::collections::HashMap;

use super::super::ledger::{Ledger, Place, Rank};
use super::super::text::Unreadable;
use super::lexer;

/// A line with its keyword.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) words: Vec<String>,
}

impl Line {
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// Keyword of one or two words: `timeout client`, `option httpchk`.
    pub(super) fn is(&self, keyword: &str) -> bool {
        let mut wanted = keyword.split(' ');
        wanted.by_ref().zip(&self.words).all(|(wanted, word)| wanted == word)
            && self.words.len() >= keyword.split(' ').count()
    }
}

/// `global`, `defaults`, `frontend` and so on.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) header: Line,
    pub(super) lines: Vec<Line>,
}

impl Section {
    pub(super) fn kind(&self) -> &str {
        self.header.word(0)
    }

    pub(super) fn name(&self) -> &str {
        self.header.word(1)
    }

    /// Whether clients come in here.
    pub(super) fn is_entry(&self) -> bool {
        matches!(self.kind(), "frontend" | "listen")
    }

    /// The `defaults` that the section names.
    pub(super) fn from(&self) -> Option<&str> {
        let at = self.header.words.iter().position(|word| word == "from")?;
        self.header.words.get(at + 1).map(String::as_str)
    }

    pub(super) fn all<'s>(&'s self, keyword: &'s str) -> impl Iterator<Item = &'s Line> {
        self.lines.iter().filter(move |line| line.is(keyword))
    }
}

/// What begins a section.
const KINDS: [&str; 18] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "peers",
    "resolvers",
    "cache",
    "userlist",
    "mailers",
    "program",
    "ring",
    "http-errors",
    "fcgi-app",
    "log-forward",
    "crt-store",
    "traces",
    "log-profile",
];

/// What of a file has been read.
struct Reader<'l> {
    ledger: &'l mut Ledger,
    file: usize,
    name: &'l str,
    environment: HashMap<String, String>,
    /// For each open `.if`: whether its lines are read, whether a branch was chosen, and its line.
    branches: Vec<(bool, bool, usize)>,
    sections: Vec<Section>,
}

/// The sections of a text.
pub(super) fn read(
    ledger: &mut Ledger,
    name: &str,
    text: &str,
    environment: &[(String, String)],
) -> Result<Vec<Section>, Unreadable> {
    let file = ledger.file(name);
    let environment = environment.iter().cloned().collect();
    let mut reader = Reader { ledger, file, name, environment, branches: Vec::new(), sections: Vec::new() };
    let mut begun: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let (first, mut whole) = begun.take().unwrap_or((number + 1, String::new()));
        whole.push_str(line);
        // A backslash at the end of a line goes on with the next one.
        if whole.ends_with('\\') && !whole.ends_with("\\\\") {
            whole.pop();
            begun = Some((first, whole));
            continue;
        }
        reader.line(first, &whole)?;
    }
    if let Some((first, whole)) = begun {
        reader.line(first, &whole)?;
    }
    if let Some((_, _, line)) = reader.branches.first() {
        return Err(reader.fail(*line, "an `.if` begins here and never ends", "end it with `.endif`"));
    }
    Ok(reader.sections)
}

impl Reader<'_> {
    fn fail(&self, line: usize, message: impl Into<String>, hint: &str) -> Unreadable {
        Unreadable {
            file: self.name.to_owned(),
            line: Some(line),
            message: message.into(),
            hint: hint.to_owned(),
        }
    }

    fn line(&mut self, number: usize, text: &str) -> Result<(), Unreadable> {
        let read = lexer::words(text, &self.environment).map_err(|lexer::Unclosed(quote)| {
            self.fail(
                number,
                format!("a quote ({quote}) opens here and never closes"),
                "close it on its line",
            )
        })?;
        let Some(first) = read.words.first().cloned() else { return Ok(()) };
        let place = self.ledger.add(self.file, number, without_comment(text, &read, &self.environment));
        if let Some(directive) = first.strip_prefix('.') {
            return self.conditional(place, number, directive, &read.words);
        }
        if !self.branches.iter().all(|(is_read, _, _)| *is_read) {
            self.ledger.list(place, Rank::B, "stands in a branch that the environment doesn't choose");
            return Ok(());
        }
        let line = Line { place, words: read.words };
        for (name, value) in &read.variables {
            let why =
                format!("`{name}` is taken to be `{value}`; it isn't asked for again when the proxy starts");
            self.ledger.list(place, Rank::B, why);
        }
        if KINDS.contains(&first.as_str()) {
            self.sections.push(Section { header: line, lines: Vec::new() });
            return Ok(());
        }
        let Some(section) = self.sections.last_mut() else {
            let message = format!("`{}` stands in no section", excerpt(&first));
            return Err(self.fail(number, message, "put a section such as `global` or `frontend` above it"));
        };
        if section.kind() == "global" && matches!(first.as_str(), "setenv" | "presetenv") {
            let (name, value) = (line.word(1).to_owned(), line.word(2).to_owned());
            let is_set = self.environment.contains_key(&name);
            if first == "setenv" || !is_set {
                self.environment.insert(name.clone(), value);
            }
            let value = self.environment.get(&name).cloned().unwrap_or_default();
            let why = format!("`{name}` is `{value}` for this import; backends and policies don't see it");
            self.ledger.list(place, Rank::B, why);
        }
        section.lines.push(line);
        Ok(())
    }

    /// `.if`, `.elif`, `.else`, `.endif`, and messages.
    fn conditional(
        &mut self,
        place: Place,
        number: usize,
        directive: &str,
        words: &[String],
    ) -> Result<(), Unreadable> {
        let asked = words[1..].join(" ");
        let outer = self.branches.iter().rev().skip(1).all(|(is_read, _, _)| *is_read);
        match directive {
            "if" => {
                let is_true = self.branches.iter().all(|(is_read, _, _)| *is_read) && self.holds(&asked);
                self.branches.push((is_true, is_true, number));
                self.say(place, is_true);
            }
            "elif" | "else" => {
                let Some((_, chosen, line)) = self.branches.pop() else {
                    return Err(self.fail(number, "stands in no `.if`", "remove it"));
                };
                let is_true = outer && !chosen && (directive == "else" || self.holds(&asked));
                self.branches.push((is_true, chosen || is_true, line));
                self.say(place, is_true);
            }
            "endif" => {
                if self.branches.pop().is_none() {
                    return Err(self.fail(number, "stands in no `.if`", "remove it"));
                }
                self.ledger.carry(place);
            }
            "notice" | "warning" | "alert" | "diag" => {
                self.ledger.list(place, Rank::C, "says something when HAProxy starts");
            }
            _ => return Err(self.fail(number, format!("`.{}` is unknown", excerpt(directive)), "remove it")),
        }
        Ok(())
    }

    fn say(&mut self, place: Place, is_true: bool) {
        let what = if is_true { "is chosen" } else { "isn't chosen" };
        self.ledger.near(
            place,
            format!(
                "this branch {what} by the environment in which the import runs; there are no branches here"
            ),
        );
    }

    /// Whether a condition of these holds, as far as it asks for what is known here.
    fn holds(&self, asked: &str) -> bool {
        asked.split("||").any(|part| {
            part.split("&&").all(|term| {
                let term = term.trim();
                let (term, negated) =
                    term.strip_prefix('!').map_or((term, false), |term| (term.trim(), true));
                self.term(term) != negated
            })
        })
    }

    fn term(&self, term: &str) -> bool {
        let Some((function, rest)) = term.split_once('(') else {
            return matches!(term, "true") || term.parse::<i64>().is_ok_and(|number| number != 0);
        };
        let arguments: Vec<&str> =
            rest.trim_end_matches(')').split(',').map(|text| text.trim().trim_matches('"')).collect();
        let value = |name: &str| self.environment.get(name).map(String::as_str);
        match (function, arguments.as_slice()) {
            ("defined", [name]) => value(name).is_some(),
            ("streq", [one, two]) => one == two,
            ("strneq", [one, two]) => one != two,
            // Any version and feature is as good as there.
            ("feature", _) => arguments.first() != Some(&"QUIC"),
            ("version_atleast" | "openssl_version_atleast" | "enabled", _) => true,
            _ => false,
        }
    }
}

/// A line up to its comment, which says nothing of what it means.
fn without_comment<'t>(text: &'t str, read: &lexer::Words, environment: &HashMap<String, String>) -> &'t str {
    let ends = text.match_indices('#').map(|(at, _)| &text[..at]);
    let mut whole = ends.filter(|before| lexer::words(before, environment).as_ref() == Ok(read));
    whole.next().unwrap_or(text).trim()
}

/// The start of a word, for messages.
pub(super) fn excerpt(word: &str) -> String {
    match word.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}
