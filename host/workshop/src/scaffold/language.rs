//! What policies are written in.

use std::fmt;
use std::str::FromStr;

/// A language with a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust with the SDK.
    Rust,
    /// C without a library.
    C,
    /// C++ without a library.
    Cpp,
    /// Zig.
    Zig,
    /// AssemblyScript, which is like TypeScript.
    AssemblyScript,
    /// Go.
    Go,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Rust, Self::C, Self::Cpp, Self::Zig, Self::AssemblyScript, Self::Go];

    /// What it is called on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Zig => "zig",
            Self::AssemblyScript => "assemblyscript",
            Self::Go => "go",
        }
    }

    /// Other names that people type.
    #[must_use]
    pub fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Cpp => &["c++", "cxx"],
            Self::AssemblyScript => &["as"],
            Self::Go => &["golang"],
            Self::Rust | Self::C | Self::Zig => &[],
        }
    }

    /// Its name as it is written.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::C => "C",
            Self::Cpp => "C++",
            Self::Zig => "Zig",
            Self::AssemblyScript => "AssemblyScript",
            Self::Go => "Go",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_called = |language: &Self| language.as_str() == text || language.aliases().contains(&text);
        let found = Self::ALL.into_iter().find(is_called);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("there is no template for `{text}`; there are: {names}")
        })
    }
}
