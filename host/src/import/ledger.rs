//! What becomes of each directive: carried over, listed, or both. None may be neither.

use std::fmt::{self, Write as _};

use pointsman_core::printable::Escape;

/// Longest entry of the list, bytes.
const ENTRY_BYTES: usize = 1 << 10;

/// Most characters of a directive that are quoted.
const QUOTED: usize = 90;

/// What the loss of a directive means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// It opens access or removes protection.
    A,
    /// It changes what clients or backends see.
    B,
    /// It has no effect here, or is done in another way.
    C,
}

/// A directive that was read, by its place in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place(usize);

/// An entry of the list: `FILE:LINE: RANK: what stands there: why, and what to do`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What the loss means.
    pub rank: Rank,
    /// The directive, or the part of it that this is about.
    pub what: String,
    /// Why it isn't carried over as it stands, and what to do.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, rank, what, why } = self;
        write!(Escape::new(f, ENTRY_BYTES), "{file}:{line}: {rank:?}: `{what}`: {why}")
    }
}

#[derive(Debug)]
struct Item {
    file: usize,
    line: usize,
    text: String,
    is_carried: bool,
    is_listed: bool,
}

/// Every directive, and what has become of it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    files: Vec<String>,
    items: Vec<Item>,
    findings: Vec<(Place, Finding)>,
}

/// How many directives there are, and what has become of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All that were read.
    pub directives: usize,
    /// Those that are carried over, perhaps with another meaning, which is listed.
    pub carried: usize,
    /// Those that are only listed.
    pub listed: usize,
}

impl Ledger {
    pub(super) fn file(&mut self, name: &str) -> usize {
        self.files.push(name.to_owned());
        self.files.len() - 1
    }

    pub(super) fn add(&mut self, file: usize, line: usize, text: &str) -> Place {
        let text = shortened(text);
        self.items.push(Item { file, line, text, is_carried: false, is_listed: false });
        Place(self.items.len() - 1)
    }

    /// The directive is in the result, or is what the proxy does anyway.
    pub(super) fn carry(&mut self, place: Place) {
        self.items[place.0].is_carried = true;
    }

    /// The directive has an entry in the list.
    pub(super) fn list(&mut self, place: Place, rank: Rank, why: impl Into<String>) {
        self.list_part(place, None, rank, why.into());
    }

    /// A part of the directive has an entry in the list.
    pub(super) fn list_piece(&mut self, place: Place, what: &str, rank: Rank, why: impl Into<String>) {
        self.list_part(place, Some(what), rank, why.into());
    }

    /// The directive is carried over with another meaning.
    pub(super) fn near(&mut self, place: Place, why: impl Into<String>) {
        self.carry(place);
        self.list(place, Rank::B, why);
    }

    fn list_part(&mut self, place: Place, what: Option<&str>, rank: Rank, why: String) {
        let item = &mut self.items[place.0];
        item.is_listed = true;
        let what = what.map_or_else(|| item.text.clone(), shortened);
        let finding = Finding { file: self.files[item.file].clone(), line: item.line, rank, what, why };
        let is_new = !self.findings.iter().any(|(at, other)| *at == place && *other == finding);
        if is_new {
            self.findings.push((place, finding));
        }
    }

    /// The directive is spoken for by the entry of the section that it is in.
    pub(super) fn cover(&mut self, place: Place) {
        self.items[place.0].is_listed = true;
    }

    /// Whether nothing has become of it yet.
    pub(super) fn is_open(&self, place: Place) -> bool {
        let item = &self.items[place.0];
        !item.is_carried && !item.is_listed
    }

    /// Whether it is in the result already.
    pub(super) fn is_carried(&self, place: Place) -> bool {
        self.items[place.0].is_carried
    }

    pub(super) fn line(&self, place: Place) -> usize {
        self.items[place.0].line
    }

    /// File and line, as a comment of the result names them.
    pub(super) fn named(&self, place: Place) -> String {
        let item = &self.items[place.0];
        format!("{}:{}", self.files[item.file], item.line)
    }

    pub(super) fn text(&self, place: Place) -> &str {
        &self.items[place.0].text
    }

    pub(super) fn counts(&self) -> Counts {
        let carried = self.items.iter().filter(|item| item.is_carried).count();
        let listed = self.items.iter().filter(|item| item.is_listed && !item.is_carried).count();
        Counts { directives: self.items.len(), carried, listed }
    }

    /// The list in the order in which the directives were read.
    pub(super) fn finish(mut self) -> (Vec<Finding>, Counts) {
        let counts = self.counts();
        self.findings.sort_by_key(|(place, finding)| (*place, finding.rank));
        (self.findings.into_iter().map(|(_, finding)| finding).collect(), counts)
    }
}

/// One line of limited length.
fn shortened(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
