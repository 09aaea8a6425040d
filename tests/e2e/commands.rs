//! The commands that end by themselves.

use std::io::Write as _;
use std::process::Command;

use harness::Proxy;

/// Exit code, standard output and standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Proxy::run_to_end(arguments, "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_and_version_are_printed() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    for command in ["run", "init", "check", "demo", "policy", "completions"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}: {help}");
    }
    let version = format!("pointsman {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["--version"]), (Some(0), version, String::new()));
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for arguments in [&["serve"][..], &["run", "--workers", "0"], &["run", "--nonsense"], &["policy"], &[]] {
        let (code, _, told) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(told.contains("--help"), "{arguments:?}: {told}");
    }
}

#[test]
fn shells_complete_the_commands() {
    for (shell, syntax_check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let (code, script, told) = run(&["completions", shell]);
        assert_eq!((code, told.as_str()), (Some(0), ""));
        for word in ["pointsman", "policy", "config", "log-level"] {
            assert!(script.contains(word), "{shell} knows nothing of {word}");
        }
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(script.as_bytes()).expect("a script");
        match Command::new(shell).arg(syntax_check).arg(file.path()).output() {
            Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}"),
            Err(error) => eprintln!("skipped: {shell} isn't here to read its script: {error}"),
        }
    }
    assert_eq!(run(&["completions", "csh"]).0, Some(2));
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let directory = tempfile::tempdir().expect("a directory");
    let pages = directory.path().join("man/man1");
    assert_eq!(run(&["man", pages.to_str().expect("a name")]), (Some(0), String::new(), String::new()));
    for (name, text) in [
        ("pointsman", "pointsman\\-policy(1)"),
        ("pointsman-run", "\\-\\-workers"),
        ("pointsman-policy-check", "plugin"),
    ] {
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).expect("a page");
        assert!(page.contains(".TH ") && page.contains(text), "{name}: {page}");
    }
    let taken = directory.path().join("taken");
    std::fs::write(&taken, "").expect("a file");
    let (code, _, told) = run(&["man", taken.to_str().expect("a name")]);
    assert_eq!(code, Some(1));
    assert!(told.contains("cannot write manual pages to") && told.contains("taken"), "{told}");
}

#[test]
fn the_bundled_policies_are_listed() {
    let (code, list, told) = run(&["policy", "list"]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    let names: Vec<&str> = list.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    for name in ["round-robin", "least-conn", "ip-hash"] {
        assert!(names.contains(&name), "{name}: {list}");
    }
}

#[test]
fn a_plugin_that_cannot_be_read_is_named_with_its_reason_once() {
    let (code, said, told) = run(&["policy", "check", "nonesuch/mine.wasm"]);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(
        told.contains("cannot read the plugin nonesuch/mine.wasm: No such file or directory (os error 2)"),
        "{told}"
    );
    assert_eq!(told.matches("os error 2").count(), 1, "{told}");
}

#[test]
fn what_a_plugin_takes_of_its_limits_is_a_table() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("mine.wasm");
    std::fs::write(&file, harness::constant(0, 0)).expect("a plugin");
    let (code, said, told) = run(&["policy", "check", file.to_str().expect("a name")]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    let (_, table) = said.split_once("\n\nlimit ").expect("an empty line above it");
    let header: Vec<&str> = table.lines().next().expect("a line").split_whitespace().collect();
    assert_eq!(header, ["used", "allowed"], "{said}");
    assert!(!said.contains('\\'), "nothing is escaped: {said}");
}

#[test]
fn debug_sections_do_not_count_and_a_refusal_names_the_real_size() {
    let directory = tempfile::tempdir().expect("a directory");
    let check = |name: &str, content: &[u8]| {
        let file = directory.path().join(name);
        std::fs::write(&file, content).expect("a plugin");
        run(&["policy", "check", file.to_str().expect("a name")])
    };
    // A custom section of 4.3 MB; its length takes four bytes, and its name none.
    let section = |bytes: u32| {
        let byte = |place: u32| (bytes >> (7 * place)) as u8 & 0x7f | if place < 3 { 0x80 } else { 0 };
        let mut section = vec![0, byte(0), byte(1), byte(2), byte(3)];
        section.resize(5 + bytes as usize, 0);
        section
    };
    let plugin = harness::constant(0, 0);
    let debug = [&plugin[..], &section(4_300_000)].concat();
    let (code, said, told) = check("debug.wasm", &debug);
    assert_eq!(code, Some(0), "{told}");
    assert!(said.contains(&format!("{} B", debug.len())), "{said}");
    let (code, _, told) = check("huge.wasm", &[&plugin[..], &section(40_000_000)].concat());
    assert_eq!(code, Some(1));
    assert!(told.contains(&format!("has {} bytes", plugin.len() + 40_000_005)), "{told}");
}
