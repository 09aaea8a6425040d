//! Policies that aren't bundled: they show what it costs to have one.

use std::fs;
use std::path::Path;

use anyhow::Result;

/// A policy that fails again and again: its circuit opens, so it is no longer called, and the native fallback picks.
pub(super) const FALLBACK: &str = "fallback";

/// Its first picks succeed, as it wouldn't be admitted else. A cell of the pool counts them, which outlives the instances.
const FALLBACK_GUEST: &str = r#"(module
    (import "pointsman_1.0" "cell_add" (func $cell_add (param i32 i32 i32 i64) (result i64)))
    (memory (export "memory") 1)
    (func (export "pointsman_init") (result i32) (i32.const 0))
    (func (export "pointsman_pick") (result i64)
        (if (i64.gt_u (call $cell_add (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 1)) (i64.const 10000))
            (then unreachable))
        (i64.const 0x1_0000_0000)))"#;

/// A policy without an opinion: it is called, and the native fallback picks.
pub(super) const ABSTAIN: &str = "abstain";

const ABSTAIN_GUEST: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "pointsman_init") (result i32) (i32.const 0))
    (func (export "pointsman_pick") (result i64) (i64.const 0x1_0000_0000)))"#;

/// Puts the plugin of a policy into a folder, if it isn't one of the bundled.
pub(super) fn place(policy: &str, directory: &Path) -> Result<()> {
    let guest = match policy {
        FALLBACK => FALLBACK_GUEST,
        ABSTAIN => ABSTAIN_GUEST,
        _ => return Ok(()),
    };
    fs::write(directory.join(policy).with_extension("wasm"), wat::parse_str(guest)?)?;
    Ok(())
}
