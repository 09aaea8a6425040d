//! Policies written as text: what a test needs of a guest, and no more.

use sha2::{Digest, Sha256};

/// The functions of the contract that the guests of these tests call.
const IMPORTS: &str = r#"
    (import "pointsman_1.0" "config" (func $config (param i32 i32) (result i32)))
    (import "pointsman_1.0" "fail" (func $fail (param i32 i32)))
    (import "pointsman_1.0" "backend_count" (func $backend_count (result i32)))
    (import "pointsman_1.0" "backend_text" (func $backend_text (param i32 i32 i32 i32) (result i32)))
    (import "pointsman_1.0" "backend_label" (func $backend_label (param i32 i32 i32 i32 i32) (result i32)))
    (import "pointsman_1.0" "weights" (func $weights (param i32 i32) (result i32)))
    (import "pointsman_1.0" "flags" (func $flags (param i32) (result i32)))
    (import "pointsman_1.0" "stat" (func $stat (param i32 i32) (result i64)))
    (import "pointsman_1.0" "request_text" (func $request_text (param i32 i32 i32) (result i32)))
    (import "pointsman_1.0" "header" (func $header (param i32 i32 i32 i32) (result i32)))
    (import "pointsman_1.0" "attempt" (func $attempt (result i32)))
    (import "pointsman_1.0" "all_flags" (func $all_flags (param i32 i32) (result i32)))
    (import "pointsman_1.0" "stats" (func $stats (param i32 i32 i32) (result i32)))
    (import "pointsman_1.0" "client_ip" (func $client_ip (param i32) (result i32)))
    (import "pointsman_1.0" "hash" (func $hash (param i32 i32 i32) (result i64)))
    (import "pointsman_1.0" "tried" (func $tried (param i32) (result i32)))
    (import "pointsman_1.0" "cell_get" (func $cell_get (param i32 i32 i32) (result i64)))
    (import "pointsman_1.0" "cell_set" (func $cell_set (param i32 i32 i32 i64)))
    (import "pointsman_1.0" "cell_add" (func $cell_add (param i32 i32 i32 i64) (result i64)))
    (import "pointsman_1.0" "cell_cas" (func $cell_cas (param i32 i32 i32 i64 i64) (result i64)))
    (import "pointsman_1.0" "log" (func $log (param i32 i32 i32)))
    (import "pointsman_1.0" "tick_every" (func $tick_every (param i32)))
"#;

/// A guest with these fields and one page of memory. What the host requires and the fields lack is added: `init` is
/// ready, `pick` abstains.
pub fn guest(fields: &str) -> Vec<u8> {
    let mut module = format!("(module {IMPORTS} (memory (export \"memory\") 1) {fields}");
    for (name, rest) in
        [("init", "(result i32) (i32.const 0)"), ("pick", "(result i64) (i64.const 0x100000000)")]
    {
        if !fields.contains(&format!("pointsman_{name}")) {
            module += &format!("(func (export \"pointsman_{name}\") {rest})");
        }
    }
    wat::parse_str(module + ")").unwrap_or_else(|error| panic!("{error}\n{fields}"))
}

/// The end of a `pick` that chooses this backend where it may, and abstains elsewhere.
pub fn choose(index: u32) -> String {
    format!(
        "(if (i32.or (i32.eqz (i32.and (call $flags (i32.const {index})) (i32.const 1)))
                (i32.eq (call $tried (i32.const {index})) (i32.const 1)))
            (then (return (i64.const 0x100000000))))
        (i64.const {index})"
    )
}

/// A policy that always chooses this backend. Contents differ by `revision`.
pub fn constant(index: u32, revision: u32) -> Vec<u8> {
    let pick = choose(index);
    guest(&format!(
        "(global i32 (i32.const {revision})) (func (export \"pointsman_pick\") (result i64) {pick})"
    ))
}

/// The same module as another content: with a section that means nothing.
pub fn revised(module: &[u8], revision: u32) -> Vec<u8> {
    let [a, b, c, d] = revision.to_le_bytes();
    [module, &[0, 6, 1, b'r', a, b, c, d]].concat()
}

/// What logs call this content: the first twelve digits of its SHA-256.
pub fn version(content: &[u8]) -> String {
    Sha256::digest(content)[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}
