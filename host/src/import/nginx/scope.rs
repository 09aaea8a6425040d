//! Which directive holds at a place: the innermost block that has it decides.

use super::tree::Directive;

/// The blocks around a place, outermost first.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    levels: Vec<&'a [Directive]>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(outermost: &'a [Directive]) -> Self {
        Self { levels: vec![outermost] }
    }

    pub(super) fn inside(&self, block: &'a Directive) -> Self {
        let mut levels = self.levels.clone();
        levels.push(block.children());
        Self { levels }
    }

    /// The one that holds.
    pub(super) fn find(&self, name: &str) -> Option<&'a Directive> {
        self.all(&[name]).last().copied()
    }

    /// All that hold together: those of the innermost block that has any of these names.
    pub(super) fn all(&self, names: &[&str]) -> Vec<&'a Directive> {
        let here = |level: &&'a [Directive]| -> Vec<&'a Directive> {
            level.iter().filter(|directive| names.contains(&directive.name.as_str())).collect()
        };
        self.levels.iter().rev().map(here).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// The outermost block with locations that a place is in: its server, with what is around that.
    pub(super) fn with_locations(&self) -> Option<Self> {
        let has_locations = |level: &&[Directive]| level.iter().any(|found| found.name == "location");
        let at = self.levels.iter().position(has_locations)?;
        Some(Self { levels: self.levels[..=at].to_vec() })
    }

    /// All directives of the innermost block.
    pub(super) fn here(&self) -> &'a [Directive] {
        self.levels.last().copied().unwrap_or_default()
    }

    /// Those of the innermost block alone.
    pub(super) fn own(&self, name: &str) -> impl Iterator<Item = &'a Directive> {
        let level = self.levels.last().copied().unwrap_or_default();
        level.iter().filter(move |directive| directive.name == name)
    }
}
