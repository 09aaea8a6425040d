//! What a new policy is called.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use super::embedded;

/// Longest name, bytes: those of files may have other endings after it.
const LONGEST: usize = 64;

/// What packages of Rust can't be called: keywords, crates of the compiler, folders of cargo. They are the same for all languages, so that a
/// policy keeps its name when it is written anew.
const TAKEN: [&str; 59] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// A name of a policy, its folder and its package: lower-case letters and digits of ASCII and hyphens between them, 1 to 64, a letter first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the package's library: what the compiler calls its file.
    #[must_use]
    pub fn crate_name(&self) -> String {
        self.0.replace('-', "_")
    }
}

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// Of other signs, or of too many.
    Form,
    /// Rust has it.
    Taken,
    /// One of the crates that every policy in Rust is built with.
    Dependency,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(
                f,
                "a policy's name has 1 to {LONGEST} lower-case letters (a to z) and digits, with single hyphens between them, and begins \
                 with a letter, as in `my-policy`"
            ),
            Self::Taken => f.write_str(
                "Rust has this word for itself, so that no package can be called so; choose another name",
            ),
            Self::Dependency => {
                f.write_str("policies in Rust are built with a crate of this name; choose another one")
            }
        }
    }
}

impl Error for NameError {}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if !text.starts_with(|first: char| first.is_ascii_lowercase())
            || text.len() > LONGEST
            || !text.split('-').all(is_part)
        {
            return Err(NameError::Form);
        }
        if TAKEN.contains(&text) || text == "proc-macro" {
            return Err(NameError::Taken);
        }
        // Names that differ in hyphens only are the same to the compiler.
        let dependencies = embedded::package_names();
        let name = Self(text.to_owned());
        if dependencies.iter().any(|dependency| dependency.replace('-', "_") == name.crate_name()) {
            return Err(NameError::Dependency);
        }
        Ok(name)
    }
}
