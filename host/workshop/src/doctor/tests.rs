//! Machines that have some tools and lack others.

use super::*;

fn tools_of(language: Language, machine: &[(&str, &str)]) -> Vec<(&'static str, Found)> {
    let run = |command: &[&str]| {
        let answer = machine.iter().find(|(asked, _)| command.join(" ").starts_with(asked));
        answer.map(|(_, answer)| (*answer).to_owned())
    };
    let tools = examine(language, &run).tools;
    tools.into_iter().map(|(tool, found)| (tool.name, found)).collect()
}

fn there(version: &str) -> Found {
    Found::Version(version.into())
}

#[test]
fn versions_are_found_in_what_tools_say() {
    let found = tools_of(
        Language::C,
        &[
            ("clang --version", "Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu\n"),
            ("clang -print-targets", "  Registered Targets:\n    wasm32 - WebAssembly 32-bit\n"),
            ("wasm-ld", "Debian LLD 14.0.6\n"),
            ("make", "GNU Make 4.3\nBuilt for x86_64-pc-linux-gnu\n"),
        ],
    );
    assert_eq!(
        found,
        [
            ("clang", there("14.0.6")),
            ("wasm32 in clang", there("")),
            ("wasm-ld", there("14.0.6")),
            ("make", there("4.3"))
        ]
    );
    let go = |said| found_go(&[("go version", said)]);
    fn found_go(machine: &[(&str, &str)]) -> Found {
        tools_of(Language::Go, machine).remove(0).1
    }
    assert_eq!(go("go version go1.27.3 linux/amd64\n"), there("1.27.3"));
    assert_eq!(go("go version go1.19.8 linux/amd64\n"), Found::Old("1.19.8".into(), (1, 24)));
    assert_eq!(go("nonsense"), Found::Missing);
    let node = found_node("v20.20.2\n");
    assert_eq!(node, [("node", there("20.20.2")), ("npm", Found::Missing)]);
    fn found_node(said: &str) -> Vec<(&'static str, Found)> {
        tools_of(Language::AssemblyScript, &[("node", said)])
    }
}

#[test]
fn a_tool_may_go_by_another_name() {
    let zig = |machine: &[(&str, &str)]| tools_of(Language::Zig, machine).remove(0).1;
    assert_eq!(zig(&[("zig version", "0.14.1")]), there("0.14.1"));
    let module = ("python3 -m ziglang version", "0.15.2");
    assert_eq!(zig(&[module]), there("0.15.2, as `python3 -m ziglang`"));
    assert_eq!(zig(&[("zig version", "0.11.0"), module]), there("0.15.2, as `python3 -m ziglang`"));
    assert_eq!(zig(&[("zig version", "0.11.0")]), Found::Old("0.11.0".into(), (0, 14)));
}

#[test]
fn a_language_is_ready_if_nothing_is_missing() {
    let libraries = tempfile::tempdir().expect("a folder");
    let folder = libraries.path().to_str().expect("a path").to_owned();
    let machine = [("cargo", "cargo 1.95.0 (abc 2026-04-14)"), ("rustc --print", folder.as_str())];
    assert_eq!(tools_of(Language::Rust, &machine)[1], ("wasm32-unknown-unknown", Found::Missing));
    std::fs::write(libraries.path().join("libcore-1.rlib"), "").expect("a file");
    assert_eq!(
        tools_of(Language::Rust, &machine),
        [("cargo", there("1.95.0")), ("wasm32-unknown-unknown", there(""))]
    );
    for language in Language::ALL {
        assert!(!examine(language, &|_| None).is_ready(), "{language}");
    }
}
