//! Tools, and how one finds out whether they are there.

use std::fs;

use crate::scaffold::Language;

/// Runs a command: what it prints on standard output, or nothing if there is none or it fails.
pub type Run<'a> = dyn Fn(&[&str]) -> Option<String> + 'a;

/// A program, or a part of one.
#[derive(Debug)]
pub struct Tool {
    /// What it is called.
    pub name: &'static str,
    /// What brings it.
    pub install: &'static str,
    /// A command that tells of it.
    ask: &'static [&'static str],
    /// Another one, where it goes by another name, and that name.
    or_ask: Option<(&'static str, &'static [&'static str])>,
    /// What its answer has to be.
    wants: Wants,
}

/// What shows that a tool will do.
#[derive(Debug)]
enum Wants {
    /// A version from this one on.
    From(u32, u32),
    /// This text.
    Text(&'static str),
    /// The name of a folder with a file in it whose name begins so.
    FolderWith(&'static str),
}

/// What was found of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is there, in this version; empty if it has none.
    Version(String),
    /// It is older than the second.
    Old(String, (u32, u32)),
    /// It isn't there.
    Missing,
}

impl Tool {
    pub(super) fn find(&self, run: &Run<'_>) -> Found {
        let found = self.judge(run(self.ask));
        match (&found, self.or_ask) {
            (Found::Missing | Found::Old(..), Some((name, ask))) => match self.judge(run(ask)) {
                Found::Version(version) => Found::Version(format!("{version}, as `{name}`")),
                _ => found,
            },
            _ => found,
        }
    }

    fn judge(&self, answer: Option<String>) -> Found {
        let Some(answer) = answer else { return Found::Missing };
        let is_there = match self.wants {
            Wants::From(major, minor) => {
                return match version(&answer) {
                    Some((version, number)) if number < (major, minor) => Found::Old(version, (major, minor)),
                    Some((version, _)) => Found::Version(version),
                    None => Found::Missing,
                };
            }
            Wants::Text(text) => answer.contains(text),
            Wants::FolderWith(start) => has_file(answer.trim(), start),
        };
        if is_there { Found::Version(String::new()) } else { Found::Missing }
    }
}

fn has_file(folder: &str, start: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(start))
}

/// The first word of a text that begins like a version, and its first two numbers.
fn version(text: &str) -> Option<(String, (u32, u32))> {
    text.split_whitespace().find_map(|word| {
        let word = word.trim_start_matches(|sign: char| sign.is_ascii_alphabetic());
        let digits: String = word.chars().take_while(|sign| sign.is_ascii_digit() || *sign == '.').collect();
        let mut numbers = digits.split('.').map(str::parse);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return None };
        Some((digits, (major, minor)))
    })
}

const RUSTUP: &str = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";
const LLVM: &str = "apt install clang lld";

/// That of the project's own sources, of which the SDK is one.
const RUST: Wants = Wants::From(1, 95);

const fn tool(name: &'static str, ask: &'static [&'static str], wants: Wants, install: &'static str) -> Tool {
    Tool { name, install, ask, or_ask: None, wants }
}

const CLANG_FOR_WASM: Tool =
    tool("wasm32 in clang", &["clang", "-print-targets"], Wants::Text("wasm32"), LLVM);
const LINKER: Tool = tool("wasm-ld", &["wasm-ld", "--version"], Wants::From(11, 0), "apt install lld");
const ZIG: Tool = Tool {
    or_ask: Some(("python3 -m ziglang", &["python3", "-m", "ziglang", "version"])),
    ..tool(
        "zig",
        &["zig", "version"],
        Wants::From(0, 14),
        "https://ziglang.org/download, or `pip install ziglang` in a virtual environment",
    )
};
const MAKE: Tool = tool("make", &["make", "--version"], Wants::From(3, 0), "apt install make");

/// What a language's folder is built with.
pub(super) fn of(language: Language) -> &'static [Tool] {
    match language {
        Language::Rust => {
            const {
                &[
                    tool("cargo", &["cargo", "--version"], RUST, RUSTUP),
                    tool(
                        "wasm32-unknown-unknown",
                        &["rustc", "--print", "target-libdir", "--target", "wasm32-unknown-unknown"],
                        Wants::FolderWith("libcore-"),
                        "rustup target add wasm32-unknown-unknown",
                    ),
                ]
            }
        }
        Language::C => {
            const {
                &[
                    tool("clang", &["clang", "--version"], Wants::From(11, 0), LLVM),
                    CLANG_FOR_WASM,
                    LINKER,
                    MAKE,
                ]
            }
        }
        Language::Cpp => {
            const {
                &[
                    tool("clang++", &["clang++", "--version"], Wants::From(11, 0), LLVM),
                    CLANG_FOR_WASM,
                    LINKER,
                    MAKE,
                ]
            }
        }
        Language::Zig => const { &[ZIG] },
        Language::AssemblyScript => {
            const {
                &[
                    tool("node", &["node", "--version"], Wants::From(20, 0), "apt install nodejs"),
                    tool("npm", &["npm", "--version"], Wants::From(8, 0), "apt install npm"),
                ]
            }
        }
        Language::Go => {
            const {
                &[tool(
                    "go",
                    &["go", "version"],
                    Wants::From(1, 24),
                    "apt install golang-go, or https://go.dev/dl where that is too old",
                )]
            }
        }
    }
}
