//! Plugins that don't pass admission: at start the program ends with the reason, at a swap the old version serves on.

use std::fs;

use harness::{Backend, Proxy, choose, constant, guest, version, wait_until};
use pointsman_sdk::abi::limit;

/// A module with these fields and nothing else.
fn module(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {fields})")).expect("well-formed")
}

const MEMORY: &str = r#"(memory (export "memory") 1)"#;
const INIT: &str = r#"(func (export "pointsman_init") (result i32) (i32.const 0))"#;
const PICK: &str = r#"(func (export "pointsman_pick") (result i64) (i64.const 0x100000000))"#;

/// A guest that imports this.
fn importing(module: &str, name: &str) -> Vec<u8> {
    self::module(&format!("(import \"{module}\" \"{name}\" (func)) {MEMORY} {INIT} {PICK}"))
}

fn picking(code: &str) -> Vec<u8> {
    guest(&format!("(func (export \"pointsman_pick\") (result i64) {code})"))
}

fn starting(code: &str) -> Vec<u8> {
    guest(&format!("(func (export \"pointsman_init\") (result i32) {code})"))
}

/// A guest that chooses soundly, and does this when it is told how that went.
fn observing(code: &str) -> Vec<u8> {
    guest(&format!(
        "(func (export \"pointsman_pick\") (result i64) {})
        (func (export \"pointsman_observe\") (param i32 i32 i32 i64 i64) {code})",
        choose(0)
    ))
}

/// Content and the beginning of the reason.
fn cases() -> Vec<(Vec<u8>, &'static str)> {
    let truncated = constant(0, 0);
    let truncated = truncated[..truncated.len() - 7].to_vec();
    vec![
        (Vec::new(), "the file is empty"),
        (truncated, "the file ends early, after "),
        (b"hello".to_vec(), "not a WebAssembly module: the file is text"),
        (b"(module)".to_vec(), "not a WebAssembly module: the file is WebAssembly text (.wat)"),
        (b"\x7fELF\x02\x01\x01".to_vec(), "not a WebAssembly module: the file is an ELF file"),
        (vec![0; 4096], "not a WebAssembly module: the file is nothing but zeros"),
        (b"\0asm\x0d\0\x01\0".to_vec(), "the file is a WebAssembly component; policies are core modules"),
        (
            module(&format!("(memory 70) (data (i32.const 0) \"{}\")", "a".repeat(limit::PLUGIN_BYTES))),
            "the module has 4194331 bytes without its debug and other custom sections, allowed are 4194304",
        ),
        (
            module(&"(func)".repeat(limit::FUNCTIONS + 1)),
            "the module has 10001 functions, allowed are 10000: more would take too long to compile",
        ),
        (
            module(&format!("(func {})", "nop ".repeat(limit::FUNCTION_BYTES))),
            "the module has a function of 65538 bytes, allowed are 65536: a longer one would take too long to compile",
        ),
        (module(&format!("{INIT} {PICK}")), "the module doesn't export `memory` (a 32-bit memory)"),
        (module(&format!("{MEMORY} {PICK}")), "the module doesn't export `pointsman_init` (() -> i32)"),
        (module(&format!("{MEMORY} {INIT}")), "the module doesn't export `pointsman_pick` (() -> i64)"),
        (
            module(&format!("{MEMORY} {INIT} (func (export \"pointsman_pick\") (result i32) (i32.const 0))")),
            "the module exports `pointsman_pick` as () -> i32; the contract says () -> i64",
        ),
        (
            module(&format!("{MEMORY} {INIT} {PICK} (func (export \"pointsman_observe\") (param i32))")),
            "the module exports `pointsman_observe` as (i32); the contract says (i32, i32, i32, i64, i64)",
        ),
        (importing("pointsman_2.0", "hash"), "the plugin is built for ABI 2.0, this Pointsman has 1.0"),
        (importing("pointsman_1.1", "queue"), "the plugin needs ABI 1.1, this Pointsman has 1.0"),
        (
            importing("wasi_snapshot_preview1", "path_open"),
            "the module imports `path_open` from `wasi_snapshot_preview1`: WASI. Policies have no operating system",
        ),
        (importing("env", "abort"), "the module imports `abort` from `env`"),
        (
            importing("pointsman_1.0", "open_file"),
            "the module imports `open_file` from `pointsman_1.0`, which has no",
        ),
        (
            importing("pointsman_1.0", "now_us"),
            "the module imports `now_us` as (); the contract says () -> i64",
        ),
        (
            module(&format!("{MEMORY} {INIT} {PICK} (func $s) (start $s)")),
            "the module has a start function, which would run before the host knows its memory; export it as `_initialize`",
        ),
        (
            module(&format!("(memory (export \"memory\") 257) {INIT} {PICK}")),
            "the module starts with 16842752 bytes of memory, the pool allows 16777216",
        ),
        (
            module(&format!("{MEMORY} {INIT} {PICK} (table 10001 funcref)")),
            "the module's table has 10001 elements, the pool allows 10000",
        ),
        (
            module(&format!("(memory (export \"memory\") 65536) {INIT} {PICK}")),
            "the module starts with 4294967296 bytes of memory, the pool allows 16777216",
        ),
        (
            module(&format!("(memory (export \"memory\") 65536) {INIT} {PICK}")),
            "the module starts with 4294967296 bytes of memory, the pool allows 16777216",
        ),
        (module(&format!("{MEMORY} {INIT} {PICK} (memory 1)")), "the module is invalid: "),
        (
            module(&format!("{MEMORY} {INIT} {PICK} (data (i32.const 65530) \"too far\")")),
            "the policy failed while it was tried out, starting: trap in `init`: wasm trap: out of bounds memory access",
        ),
        (
            module(&format!(
                "{MEMORY} {INIT} {PICK} (table 1 funcref) (func $f) (elem (i32.const 1) func $f)"
            )),
            "the policy failed while it was tried out, starting: trap in `init`: wasm trap: undefined element: out of",
        ),
        (
            module(&format!("{MEMORY} {INIT} {PICK} (func (export \"_start\"))")),
            "the module exports `_start` and no `_initialize`: this is a program; build a library (a reactor)",
        ),
        (
            module(&format!("{MEMORY} {INIT} {PICK} (func (export \"_initialize\") (param i32))")),
            "the module exports `_initialize` as (i32); the contract says ()",
        ),
        (
            module(&format!("{MEMORY} {INIT} {PICK} (func (export \"_initialize\") unreachable)")),
            "the policy failed while it was tried out, starting: trap in `init`",
        ),
        (
            module(&format!("{MEMORY} {INIT} {PICK} (func (export \"_initialize\") (loop $l (br $l)))")),
            "the policy failed while it was tried out, starting: deadline in `init`",
        ),
        (starting("unreachable"), "the policy failed while it was tried out, starting: trap in `init`"),
        (
            starting("(loop $l (br $l)) (i32.const 0)"),
            "the policy failed while it was tried out, starting: deadline",
        ),
        (
            starting("(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (i32.const 0)"),
            "the policy failed while it was tried out, starting: memory in `init`",
        ),
        (starting("(i32.const 7)"), "the policy refuses to start: `pointsman_init` answered 7"),
        (
            guest(
                "(data (i32.const 0) \"tau is missing\") (func (export \"pointsman_init\") (result i32)
                (call $fail (i32.const 0) (i32.const 14)) (i32.const 1))",
            ),
            "the policy refuses to start: tau is missing",
        ),
        (
            picking("unreachable"),
            "the policy failed while it was tried out, with the pool's own backends: trap in `pick`",
        ),
        (
            picking("(loop $l (br $l)) (i64.const 0)"),
            "the policy failed while it was tried out, with the pool's own backends: deadline in `pick`",
        ),
        (
            picking("(i64.const 99)"),
            "the policy failed while it was tried out, with the pool's own backends: bad-verdict in `pick`: picked \
             backend 99 of 3",
        ),
        (
            picking("(i64.const 1)"),
            "the policy failed while it was tried out, with the pool's own backends, of which the request had tried 1: \
             bad-verdict in `pick`: picked backend 1, which this request has already tried",
        ),
        (
            guest("(func (export \"pointsman_topology\") unreachable)"),
            "the policy failed while it was tried out, with 1 idle backend: trap in `topology`",
        ),
        (
            guest("(func (export \"pointsman_topology\") (loop $l (br $l)))"),
            "the policy failed while it was tried out, with 1 idle backend: deadline in `topology`",
        ),
        (
            guest("(func (export \"pointsman_tick\") unreachable)"),
            "the policy failed while it was tried out, with the pool's own backends: trap in `tick`",
        ),
        (
            guest("(func (export \"pointsman_tick\") (loop $l (br $l)))"),
            "the policy failed while it was tried out, with the pool's own backends: deadline in `tick`",
        ),
        (
            observing("unreachable"),
            "the policy failed while it was tried out, with the pool's own backends: trap in `observe`",
        ),
        (
            observing("(loop $l (br $l))"),
            "the policy failed while it was tried out, with the pool's own backends: deadline in `observe`",
        ),
    ]
}

#[test]
fn at_start_the_program_ends_with_line_key_and_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("bad.wasm");
    let config = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n\n[pool.test]\nbackends = [\"127.0.0.1:1\", \"127.0.0.1:2\", \
         \"127.0.0.1:3\"]\npolicy = {{ file = \"{}\" }}\n",
        file.display()
    );
    for (content, reason) in cases() {
        fs::write(&file, content).expect("a plugin");
        for command in ["run", "check"] {
            let output = Proxy::run_to_end(&[command], &config);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command}, {reason}: {complaint}");
            let expected = format!("pointsman.toml:6: pool.test.policy: {reason}");
            assert!(complaint.contains(&expected), "{command}: {expected}\n{complaint}");
        }
    }
}

#[test]
fn at_a_swap_the_old_version_serves_on_and_the_reason_is_logged() {
    let backends = ["0", "1", "2"].map(Backend::named);
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("p.wasm"), constant(1, 0)).expect("a plugin");
    let list = backends.each_ref().map(|backend| format!("\"{}\"", backend.address())).join(", ");
    let config = format!(
        "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [pool.test]\npolicy = {{ file = \"p.wasm\" }}\nbackends = [{list}]\n"
    );
    let proxy = Proxy::start_in(directory, &config);
    let (file, next) = (proxy.path("p.wasm"), proxy.path("next"));
    let install = |content: &[u8]| {
        fs::write(&next, content).expect("a file beside it");
        fs::rename(&next, &file).expect("the file is replaced");
        proxy.signal("HUP");
    };
    let mut client = proxy.client();
    for (content, reason) in cases() {
        install(&content);
        // The reason is what this is about.
        let expected = format!("swap refused: {reason}");
        let line = proxy.log.wait_where("policy-swap-refused", |line| line.message().contains(&expected));
        let serving = version(&constant(1, 0));
        assert!(line.message().ends_with("; the version that serves goes on"), "{line}");
        assert!(line.level() == "ERROR" && line.has(&[("pool", "test"), ("serving", &serving)]), "{line}");
        for client in [&mut client, &mut proxy.client()] {
            assert_eq!(client.get("/").text(), "1", "{reason}");
        }
    }
    assert!(proxy.log.events("policy-swapped").is_empty());
    assert!(proxy.log.events("policy-faulted").is_empty());

    // After all of these a good one is as welcome as ever.
    let good = constant(2, 0);
    install(&good);
    assert_eq!(proxy.log.wait_for("policy-swapped").field("to"), Some(&*version(&good)));
    wait_until("the new version serves", || client.get("/").text() == "2");
}
