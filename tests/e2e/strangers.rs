//! What strangers write into a plugin neither forges a line of the log nor drives a terminal.

use std::fs;

use harness::{Backend, Proxy, Setup, choose, constant, guest, wait_until};

/// What an attacker might call things.
fn names() -> Vec<String> {
    vec![
        "x\n2026-01-01T00:00:00.000000Z  INFO swap pool=\"api\"".to_owned(),
        "x\r\x1b[2J\x1b]0;title\x07\u{9b}31m\x08\x7f".to_owned(),
        "\u{202e}evil\u{202c}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}\u{2028}\u{2029}\u{85}".to_owned(),
        "x".repeat(100_000),
        "\n\x1b".repeat(30_000),
    ]
}

/// A name as the text format of WebAssembly has it.
fn quoted(name: &str) -> String {
    let escaped: String = name.chars().map(|c| format!("\\u{{{:x}}}", u32::from(c))).collect();
    format!("\"{escaped}\"")
}

/// Plugins that have this name in every place that some message tells of.
fn plugins(name: &str) -> Vec<(&'static str, Vec<u8>)> {
    let name = quoted(name);
    let module = |fields: &str| {
        wat::parse_str(format!(
            "(module {fields} (memory (export \"memory\") 1)
                (func (export \"pointsman_init\") (result i32) (i32.const 0))
                (func (export \"pointsman_pick\") (result i64) (i64.const 0)))"
        ))
        .expect("well-formed")
    };
    let spliced = |prefix: &str| format!("\"{prefix}{}", &name[1..]);
    // A second export of one name isn't valid; the compiler says which.
    let twice = format!("(func $f) (export {name} (func $f)) (export {name} (func $f))");
    vec![
        ("import module", module(&format!("(import {name} \"f\" (func))"))),
        ("import name", module(&format!("(import \"env\" {name} (func))"))),
        ("function of the contract", module(&format!("(import \"pointsman_1.0\" {name} (func))"))),
        ("contract", module(&format!("(import {} \"f\" (func))", spliced("pointsman_")))),
        ("newer contract", module(&format!("(import {} \"f\" (func))", spliced("pointsman_1.")))),
        ("system", module(&format!("(import {} {name} (func))", spliced("wasi")))),
        ("export", module(&twice)),
        (
            "function in a backtrace",
            guest(&format!(
                "(func $f (@name {name}) unreachable)
             (func (export \"pointsman_pick\") (result i64) (call $f) (i64.const 0))"
            )),
        ),
    ]
}

/// Whether a line is what it seems to be, and can be read.
fn is_harmless(line: &str) -> bool {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let ends = ['\u{2028}', '\u{2029}'];
    line.len() < 9_000 && !line.contains(|c: char| c.is_control() || turns(c)) && !line.contains(ends)
}

#[test]
fn a_check_of_a_plugin_says_why_in_one_harmless_line() {
    let check = |name: String| {
        let folder = tempfile::tempdir().expect("a directory");
        for (place, plugin) in plugins(&name) {
            let file = folder.path().join("mine.wasm");
            fs::write(&file, plugin).expect("a file");
            let output = Proxy::run_to_end(&["policy", "check", file.to_str().expect("text")], "");
            let told = String::from_utf8(output.stderr).expect("text");
            assert_eq!(output.status.code(), Some(1), "{place}: {told:?}");
            assert_eq!(told.lines().count(), 1, "{place}: {told:?}");
            assert!(told.contains("refused: "), "{place}: {told:?}");
            assert!(is_harmless(told.trim_end_matches('\n')), "{place}: {told:?}");
        }
    };
    std::thread::scope(|threads| {
        for name in names() {
            threads.spawn(|| check(name));
        }
    });
}

#[test]
fn the_name_of_a_file_is_shown_as_harmlessly() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("a\nmine.wasm: ok\n\u{202e}\x1b[2J.wasm");
    for (content, code) in [(constant(0, 0), 0), (b"nothing".to_vec(), 1)] {
        fs::write(&file, content).expect("a file");
        let output = Proxy::run_to_end(&["policy", "check", file.to_str().expect("text")], "");
        assert_eq!(output.status.code(), Some(code));
        let told = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
        assert!(!told.contains("\nmine.wasm"), "{told:?}");
        assert!(told.lines().all(is_harmless), "{told:?}");
    }
    let missing = folder.path().join("b\n\x1b[2J\u{2066}");
    for (command, code) in
        [(&["policy", "check"][..], 2), (&["check", "--config"], 1), (&["run", "--config"], 1)]
    {
        let arguments: Vec<&str> = command.iter().copied().chain(missing.to_str()).collect();
        let output = Proxy::run_to_end(&arguments, "");
        let told = String::from_utf8(output.stderr).expect("text");
        assert_eq!((output.status.code(), told.lines().count()), (Some(code), 1), "{told:?}");
        assert!(told.lines().all(is_harmless), "{told:?}");
    }
}

#[test]
fn a_swap_that_is_refused_or_goes_wrong_forges_no_line() {
    let backend = Backend::named("good");
    let proxy = Setup::default().start_with_policy(&constant(0, 0), &[&backend]);
    let mut refused = 0;
    for name in &names()[..1] {
        for (place, plugin) in plugins(name) {
            let next = proxy.path("next.wasm");
            fs::write(&next, plugin).expect("a file");
            fs::rename(next, proxy.path("mine.wasm")).expect("the file is replaced");
            proxy.signal("HUP");
            refused += 1;
            proxy.log.wait_for_many("policy-swap-refused", refused);
            assert_eq!(proxy.client().get("/").text(), "good", "{place}");
        }
    }
    // And one that is sound until it serves, with the longest of texts in a trap, a panic and a log line.
    let evil = quoted(&names()[1].repeat(50));
    let late = guest(&format!(
        "(data (i32.const 0) {evil})
         (global $picks (mut i32) (i32.const 0))
         (func $f (@name {evil})
            (call $log (i32.const 1) (i32.const 0) (i32.const 1000)) (call $log (i32.const 4) (i32.const 0) (i32.const 1000))
            unreachable)
         (func (export \"pointsman_pick\") (result i64)
            (global.set $picks (i32.add (global.get $picks) (i32.const 1)))
            (if (i32.gt_u (global.get $picks) (i32.const 2000)) (then (call $f))) {})",
        choose(0)
    ));
    fs::write(proxy.path("next.wasm"), late).expect("a file");
    fs::rename(proxy.path("next.wasm"), proxy.path("mine.wasm")).expect("the file is replaced");
    proxy.signal("HUP");
    proxy.log.wait_for("policy-swapped");
    let mut client = proxy.client();
    wait_until("the policy has failed", || {
        assert_eq!(client.get("/").text(), "good");
        !proxy.log.events("policy-faulted").is_empty() && !proxy.log.events("policy-logged").is_empty()
    });
    for line in proxy.log.lines() {
        assert!(is_harmless(line.text()), "{line}");
        let has_time = line.text().get(..2) == Some("20") && line.text().get(10..11) == Some("T");
        assert!(has_time, "it is one of the log's own: {line}");
    }
}
