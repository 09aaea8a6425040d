//! What kind of file a plugin is, by its outer structure: checked before the compiler sees it, because the compiler's messages
//! about a half-written file or a web page help no author.

use pointsman_sdk::abi::limit::{FUNCTION_BYTES, FUNCTIONS, PLUGIN_BYTES};

use super::Refusal;

const MAGIC: &[u8] = b"\0asm";
/// Binary version 1 of a core module.
const MODULE: &[u8] = &[1, 0, 0, 0];
/// Layer 1: a component. The first two bytes are the version of its draft.
const COMPONENT_LAYER: &[u8] = &[1, 0];

const CUSTOM_SECTION: u8 = 0;
const FUNCTION_SECTION: u8 = 3;
const START_SECTION: u8 = 8;
const CODE_SECTION: u8 = 10;
const DATA_SECTION: u8 = 11;
const DATA_COUNT_SECTION: u8 = 12;

/// What a module is made of, as far as there are limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contained {
    /// Bytes without custom sections.
    pub(super) compiled: usize,
    pub(super) functions: usize,
    /// Bytes of the largest function's body.
    pub(super) largest_function: usize,
}

/// Checks that the content is one whole core module without a start function.
pub(super) fn check(content: &[u8]) -> Result<Contained, Refusal> {
    if content.is_empty() {
        return Err(Refusal::Empty);
    }
    let Some(rest) = content.strip_prefix(MAGIC) else {
        // Less than the magic number, but so far right: someone is still writing.
        if MAGIC.starts_with(content) {
            return Err(Refusal::EndsEarly { found: content.len() });
        }
        return Err(Refusal::NotWasm { looks_like: recognise(content) });
    };
    let Some((version, sections)) = rest.split_at_checked(4) else {
        return Err(Refusal::EndsEarly { found: content.len() });
    };
    if version != MODULE {
        return Err(match &version[2..] {
            COMPONENT_LAYER => Refusal::Component,
            _ => Refusal::NotWasm { looks_like: "a WebAssembly file of an unknown binary version" },
        });
    }
    let present = sections_of(sections).ok_or(Refusal::EndsEarly { found: content.len() })?;
    // Names and debug information cost nothing but their place: they aren't compiled.
    let compiled = content.len() - present.custom;
    if compiled > PLUGIN_BYTES {
        return Err(Refusal::TooLarge { found: compiled, allowed: PLUGIN_BYTES });
    }
    if present.contains(START_SECTION) {
        return Err(Refusal::StartFunction);
    }
    // The file may also end between two sections.
    let is_missing = |announced, section| announced > 0 && !present.contains(section);
    if is_missing(present.functions, CODE_SECTION) || is_missing(present.data_segments, DATA_SECTION) {
        return Err(Refusal::EndsEarly { found: content.len() });
    }
    let (functions, largest_function) = check_functions(present.code)?;
    Ok(Contained { compiled, functions, largest_function })
}

/// Compiling takes longer than in proportion to a function's size, and memory for each function: within the size of a
/// plugin file there is room for minutes and gigabytes. Answers how many there are, and the bytes of the largest.
fn check_functions(code: &[u8]) -> Result<(usize, usize), Refusal> {
    let Some((count, mut rest)) = leb128(code) else { return Ok((0, 0)) };
    let mut largest = 0;
    if count as usize > FUNCTIONS {
        return Err(Refusal::TooManyFunctions { found: count, allowed: FUNCTIONS });
    }
    // What isn't whole here is invalid, and the compiler says so.
    while let Some((len, after)) = leb128(rest) {
        if len as usize > FUNCTION_BYTES {
            return Err(Refusal::FunctionTooLarge { found: len, allowed: FUNCTION_BYTES });
        }
        largest = largest.max(len as usize);
        rest = after.get(len as usize..).unwrap_or_default();
    }
    Ok((count as usize, largest))
}

/// The sections that are there.
struct Sections<'a> {
    numbers: u64,
    /// Bytes of custom sections.
    custom: usize,
    /// Functions that the code section must hold.
    functions: u32,
    /// Segments that the data section must hold.
    data_segments: u32,
    /// What the code section holds.
    code: &'a [u8],
}

impl Sections<'_> {
    fn contains(&self, section: u8) -> bool {
        self.numbers & (1 << section) != 0
    }
}

/// Walks over the sections; `None` if the last one isn't whole. Their content is left to the compiler, and so are section
/// numbers that it doesn't know.
fn sections_of(mut rest: &[u8]) -> Option<Sections<'_>> {
    let mut present = Sections { numbers: 0, custom: 0, functions: 0, data_segments: 0, code: &[] };
    while let Some((&section, after)) = rest.split_first() {
        let (len, after) = leb128(after)?;
        let (held, after) = after.split_at_checked(len as usize)?;
        if section == CUSTOM_SECTION {
            present.custom += rest.len() - after.len();
        }
        rest = after;
        present.numbers |= 1u64.checked_shl(section.into()).unwrap_or(0);
        let count = || leb128(held).map_or(0, |(count, _)| count);
        match section {
            FUNCTION_SECTION => present.functions = count(),
            DATA_COUNT_SECTION => present.data_segments = count(),
            CODE_SECTION => present.code = held,
            _ => {}
        }
    }
    Some(present)
}

/// A 32-bit number in the format's variable length; `None` if it isn't whole. Of a number that is too long the first
/// five bytes count: the compiler refuses it.
fn leb128(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut number = 0u32;
    for (place, &byte) in bytes.iter().enumerate().take(5) {
        number |= u32::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[place + 1..]));
        }
    }
    (bytes.len() >= 5).then(|| (number, &bytes[5..]))
}

/// What a file that isn't Wasm might be.
fn recognise(content: &[u8]) -> &'static str {
    const SIGNS: [(&[u8], &str); 9] = [
        (b"\x7fELF", "an ELF file (a native program, or Wasm that was compiled ahead of time)"),
        (b"!<arch>", "a static library"),
        (b"BC\xc0\xde", "LLVM bitcode"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x1f\x8b", "a gzip file"),
        (b"\x28\xb5\x2f\xfd", "a zstd file"),
        (b"MZ", "a Windows program"),
        (b"\xfe\xed\xfa", "a macOS program"),
        (b"\xcf\xfa\xed\xfe", "a macOS program"),
    ];
    if let Some((_, name)) = SIGNS.iter().find(|(sign, _)| content.starts_with(sign)) {
        return name;
    }
    let text = content.trim_ascii_start();
    let begins = |sign: &[u8]| text.len() >= sign.len() && text[..sign.len()].eq_ignore_ascii_case(sign);
    if begins(b"(module") || begins(b"(component") || begins(b";;") || begins(b"(;") {
        "WebAssembly text (.wat); compile it, for example with wat2wasm"
    } else if begins(b"<!doctype") || begins(b"<html") || begins(b"<?xml") {
        "a web page; the download may have gone wrong"
    } else if begins(b"version https://git-lfs") {
        "a Git LFS pointer; fetch the file itself with `git lfs pull`"
    } else if content.iter().all(|&byte| byte == 0) {
        "nothing but zeros"
    } else if std::str::from_utf8(content).is_ok() {
        "text"
    } else {
        "of an unknown format"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_something_else_are_recognised() {
        let cases: [(&[u8], &str); 10] = [
            (b"(module)", ".wat"),
            (b"\n ;; a policy\n(module)", ".wat"),
            (b"\x7fELF\x02", "ELF"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"PK\x03\x04...", "zip"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"version https://git-lfs.github.com/spec/v1", "LFS"),
            (b"hello", "text"),
            (&[0; 100], "zeros"),
            (b"\xff\x00\x12", "unknown"),
        ];
        for (content, expected) in cases {
            match check(content) {
                Err(Refusal::NotWasm { looks_like }) => {
                    assert!(looks_like.contains(expected), "{looks_like}")
                }
                other => panic!("{content:?}: {other:?}"),
            }
        }
        assert_eq!(check(b""), Err(Refusal::Empty));
        assert_eq!(check(b"\0asm\x0d\0\x01\0"), Err(Refusal::Component));
        assert!(matches!(check(b"\0asm\x02\0\0\0"), Err(Refusal::NotWasm { .. })));
    }

    #[test]
    fn every_cut_through_a_module_is_seen_or_still_a_frame() {
        let whole = wat::parse_str(
            r#"(module (memory (export "memory") 1) (data "some data")
                (func (export "f") (result i32) (i32.const 7)))"#,
        )
        .unwrap();
        assert!(check(&whole).is_ok());
        let mut seen = 0;
        for end in 1..whole.len() {
            match check(&whole[..end]) {
                Err(refusal @ Refusal::EndsEarly { .. }) => {
                    assert!(refusal.is_incomplete());
                    seen += 1;
                }
                // Between sections: what is missing here is missed by later checks.
                Ok(_) => {}
                other => panic!("{end}: {other:?}"),
            }
        }
        assert!(seen >= whole.len() - 8, "{seen} of {}", whole.len());
    }

    #[test]
    fn what_would_take_too_long_to_compile_is_refused() {
        let functions =
            |count: usize| wat::parse_str(format!("(module {})", "(func)".repeat(count))).unwrap();
        assert_eq!(check(&functions(FUNCTIONS)).map(|module| module.functions), Ok(FUNCTIONS));
        let found = FUNCTIONS as u32 + 1;
        let allowed = FUNCTIONS;
        assert_eq!(check(&functions(FUNCTIONS + 1)), Err(Refusal::TooManyFunctions { found, allowed }));
        // Beside its instructions, a function has a number of locals and an end.
        let long = |bytes: usize| {
            wat::parse_str(format!("(module (func) (func {}))", "nop ".repeat(bytes - 2))).unwrap()
        };
        assert_eq!(check(&long(FUNCTION_BYTES)).map(|module| module.largest_function), Ok(FUNCTION_BYTES));
        let found = FUNCTION_BYTES as u32 + 1;
        let allowed = FUNCTION_BYTES;
        assert_eq!(check(&long(FUNCTION_BYTES + 1)), Err(Refusal::FunctionTooLarge { found, allowed }));
    }

    #[test]
    fn custom_sections_do_not_count_towards_the_size() {
        let mut content = wat::parse_str("(module (func))").unwrap();
        let section = |number: u8, bytes: usize| {
            // A length of four bytes, and a name without letters.
            let len = bytes as u32;
            let mut section = vec![number];
            section.extend(
                (0..4).map(|place| (len >> (7 * place)) as u8 & 0x7f | if place < 3 { 0x80 } else { 0 }),
            );
            section.resize(5 + bytes, 0);
            section
        };
        content.extend(section(CUSTOM_SECTION, 2 * PLUGIN_BYTES));
        assert!(check(&content).is_ok_and(|module| module.compiled < 100));
        content.extend(section(DATA_SECTION, PLUGIN_BYTES));
        match check(&content) {
            Err(Refusal::TooLarge { found, allowed: PLUGIN_BYTES }) => {
                assert!((PLUGIN_BYTES..PLUGIN_BYTES + 100).contains(&found), "{found}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn start_functions_are_refused() {
        let module = wat::parse_str("(module (func) (start 0))").unwrap();
        assert_eq!(check(&module), Err(Refusal::StartFunction));
    }
}
