//! What a machine needs for policies in each language, what it has of it, and what brings the rest.

#[cfg(test)]
mod tests;
mod tool;

use crate::scaffold::Language;
pub use tool::{Found, Run, Tool};

/// A language, with the tools that its folders are built with.
#[derive(Debug)]
pub struct Diagnosis {
    /// The language.
    pub language: Language,
    /// Each tool, and what was found.
    pub tools: Vec<(&'static Tool, Found)>,
}

impl Diagnosis {
    /// Whether policies in this language can be built.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.tools.iter().all(|(_, found)| matches!(found, Found::Version(_)))
    }
}

/// Looks for the tools of a language. `run` answers what a command prints, or nothing if there is none or it fails.
pub fn examine(language: Language, run: &Run<'_>) -> Diagnosis {
    let tools = tool::of(language).iter().map(|tool| (tool, tool.find(run))).collect();
    Diagnosis { language, tools }
}
