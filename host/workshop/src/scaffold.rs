//! New policies: a folder in which a policy builds without a network, with its tests and what runs it.
//!
//! All that is in it comes with the program: templates, the SDK's source and the crates that the SDK needs.

mod archive;
mod configured;
mod embedded;
mod file;
mod kit;
mod language;
mod like;
mod name;
#[cfg(test)]
mod tests;
mod write;

pub use configured::plugin_of;
pub use file::File;
pub use kit::Kit;
pub use language::Language;
pub use like::Like;
pub use name::{Name, NameError};
pub use write::{WriteError, write};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the policy, its folder and its package are called.
    pub name: Name,
    /// What it is written in.
    pub language: Language,
    /// What it does at first.
    pub like: Like,
}

impl Plan {
    /// Commands and paths of the folder, for who made it.
    #[must_use]
    pub fn kit(&self) -> Kit {
        Kit::of(self.language).filled(|text| self.fill(text))
    }

    /// All files of the folder, in no order.
    #[must_use]
    pub fn files(&self) -> Vec<File> {
        let kit = Kit::of(self.language);
        let shared = kit::SHARED.iter().chain(kit.files);
        let mut files: Vec<File> = shared.map(|(path, text)| File::new(*path, self.fill(text))).collect();
        files.push(File::new(kit.source, self.fill(kit.policies[self.like as usize])));
        files.push(File::new("tests/picks.toml", self.like.scenario()));
        match self.language {
            Language::Rust => files.extend(embedded::sdk(self.name.as_str())),
            Language::C | Language::Cpp => files.push(embedded::contract("pointsman.h", "pointsman.h")),
            Language::Zig => files.push(embedded::contract("pointsman.zig", "pointsman.zig")),
            Language::AssemblyScript => files.push(embedded::contract("pointsman.ts", "pointsman.ts")),
            Language::Go => files.push(embedded::contract("pointsman.go", "pointsman/pointsman.go")),
        }
        files
    }

    /// The text with what stands for the placeholders of templates. What stands for one may have others in it.
    fn fill(&self, text: &str) -> String {
        let kit = Kit::of(self.language);
        let placeholders = [
            ("{{build}}", kit.build),
            ("{{more}}", kit.more),
            ("{{plugin}}", kit.plugin),
            ("{{source}}", kit.source),
            ("{{what}}", self.like.what()),
            ("{{project-name}}", self.name.as_str()),
            ("{{crate_name}}", &self.name.crate_name()),
        ];
        placeholders.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}
