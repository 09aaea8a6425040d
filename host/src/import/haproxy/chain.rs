//! What holds for a section: its own lines, and those of its `defaults`.

use super::sections::{Line, Section};

/// A section and its `defaults`, innermost first.
#[derive(Debug, Clone)]
pub(super) struct Chain<'a> {
    levels: Vec<&'a Section>,
}

impl<'a> Chain<'a> {
    /// The chain of the section at a place: the `defaults` that it names, or else the last ones before it.
    pub(super) fn of(sections: &'a [Section], at: usize) -> Self {
        let mut levels = vec![&sections[at]];
        let mut at = at;
        while let Some(next) = above(sections, at) {
            // Each is above the one before it, or was named by it: the number of sections bounds the chain.
            if levels.len() > sections.len() {
                break;
            }
            levels.push(&sections[next]);
            at = next;
        }
        Self { levels }
    }

    pub(super) fn section(&self) -> &'a Section {
        self.levels[0]
    }

    /// The line that holds for a keyword.
    pub(super) fn find(&self, keyword: &str) -> Option<&'a Line> {
        self.levels.iter().find_map(|level| level.lines.iter().rev().find(|line| line.is(keyword)))
    }

    /// The line that turns an option on, if no nearer one turns it off.
    pub(super) fn option(&self, name: &str) -> Option<&'a Line> {
        let (on, off) = (format!("option {name}"), format!("no option {name}"));
        let here = |level: &&'a Section| level.lines.iter().rev().find(|line| line.is(&on) || line.is(&off));
        self.levels.iter().find_map(here).filter(|line| line.is(&on))
    }

    /// All lines of a keyword, outermost first.
    pub(super) fn all(&self, keyword: &str) -> Vec<&'a Line> {
        self.lines(|line| line.is(keyword))
    }

    /// All lines of a kind, outermost first.
    pub(super) fn lines(&self, is_meant: impl Fn(&Line) -> bool) -> Vec<&'a Line> {
        self.levels.iter().rev().flat_map(|level| &level.lines).filter(|line| is_meant(line)).collect()
    }

    /// The lines of a keyword in the nearest section that has any.
    pub(super) fn nearest(&self, keyword: &str) -> Vec<&'a Line> {
        let here = |level: &&'a Section| -> Vec<&'a Line> {
            level.lines.iter().filter(|line| line.is(keyword)).collect()
        };
        self.levels.iter().map(here).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// Whether requests are read, or only bytes.
    pub(super) fn is_http(&self) -> bool {
        self.find("mode").is_some_and(|line| line.word(1) == "http")
    }
}

fn above(sections: &[Section], at: usize) -> Option<usize> {
    let section = &sections[at];
    let is_defaults = |index: &usize| sections[*index].kind() == "defaults";
    match section.from() {
        Some(name) => (0..sections.len())
            .filter(is_defaults)
            .find(|index| *index != at && sections[*index].name() == name),
        None if section.kind() == "defaults" => None,
        None => (0..at).rev().find(is_defaults),
    }
}
