//! What to change in a build, by what each language's tools leave behind when it is missing.

/// For a module that imports something from another module than the contract's.
pub(super) fn for_import(from: &str, name: &str) -> &'static str {
    match (from, name) {
        ("env", "abort") => "AssemblyScript's handler of errors; build with `--use abort=pointsman/abort`",
        ("env", "memcpy" | "memmove" | "memset") => {
            "what clang calls to copy structs; build with `-mbulk-memory`, which has an instruction for that"
        }
        ("env", name)
            if name.starts_with("__cxa_") || name.starts_with("_Unwind") || name.contains("exception") =>
        {
            "exceptions of C++; build with `-fno-exceptions`"
        }
        ("env", _) => {
            "a function that is declared and never linked; drop `--allow-undefined`, so that the linker says where it is \
             called"
        }
        (from, _) if from.contains("wbindgen") => {
            "wasm-bindgen's; a crate that the policy uses is built for browsers: find it with `cargo tree`, and leave out \
             its feature `js` or `wasm-bindgen`"
        }
        _ => "a function of another host",
    }
}

/// For a module that the compiler refuses in these words.
pub(super) fn for_invalid(reason: &str) -> &'static str {
    let has = |word: &str| reason.to_ascii_lowercase().contains(word);
    if has("simd") {
        "build it without `-msimd128` (clang), `+simd128` (Rust, Zig) or `--enable simd` (AssemblyScript)"
    } else if has("exception") || has("exnref") {
        "build it with `-fno-exceptions`"
    } else if has("threads") || has("atomic") {
        "build it without `-pthread`, `+atomics` and shared memory"
    } else {
        "build it for wasm32-unknown-unknown with the default features"
    }
}

/// How each language makes a function that the proxy calls visible.
pub(super) const EXPORTS: &str = "in Rust, `export_policy!` and `crate-type = [\"cdylib\"]` do that; in C and C++, \
    `POINTSMAN_INIT` and `POINTSMAN_PICK`; in Zig, `export fn` and `-rdynamic`; in AssemblyScript, `export function`; in Go, \
    `//go:wasmexport`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_toolchain_is_recognised() {
        for (from, name, expected) in [
            ("env", "abort", "--use abort=pointsman/abort"),
            ("env", "memcpy", "-mbulk-memory"),
            ("env", "memset", "-mbulk-memory"),
            ("env", "__cxa_throw", "-fno-exceptions"),
            ("env", "_Unwind_CallPersonality", "-fno-exceptions"),
            ("env", "sqrt", "--allow-undefined"),
            ("__wbindgen_placeholder__", "__wbindgen_describe", "cargo tree"),
            ("proxy", "log", "another host"),
        ] {
            assert!(for_import(from, name).contains(expected), "{from} {name}");
        }
        for (reason, expected) in [
            ("SIMD support is not enabled (at offset 0x1d)", "-msimd128"),
            ("exceptions proposal not enabled", "-fno-exceptions"),
            ("threads must be enabled for shared memories", "-pthread"),
            ("type mismatch: expected i32, found i64", "wasm32-unknown-unknown"),
        ] {
            assert!(for_invalid(reason).contains(expected), "{reason}");
        }
    }
}
