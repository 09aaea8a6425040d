//! The contract has one home, `src/abi.rs`. This holds the other places that state it to the same names and numbers: the
//! C header, the files for Zig, AssemblyScript and Go, and what the SDK imports and exports.

use std::collections::{BTreeMap, BTreeSet};

use pointsman_sdk::abi::signature::{self, Signature};

const ABI: &str = include_str!("../src/abi.rs");
const HEADER: &str = include_str!("../include/pointsman.h");
const ZIG: &str = include_str!("../include/pointsman.zig");
const ASSEMBLYSCRIPT: &str = include_str!("../include/pointsman.ts");
const GO: &str = include_str!("../include/pointsman.go");
const GUEST: &str = include_str!("../src/guest.rs");
const IMPORTS: &str = include_str!("../src/imports.rs");
const PROXY: &str = include_str!("../src/proxy.rs");

/// A constant of `abi.rs`: its module (empty at the top), its name and the text of its value.
struct Constant {
    module: &'static str,
    name: &'static str,
    value: &'static str,
}

impl Constant {
    fn all() -> Vec<Self> {
        let mut module = "";
        let mut constants = Vec::new();
        for line in ABI.lines() {
            if let Some(name) = line.strip_prefix("pub mod ") {
                module = name.trim_end_matches(" {");
            } else if line == "}" {
                module = "";
            } else if let Some(constant) = line.trim_start().strip_prefix("pub const ")
                && let Some((name, value)) = constant.split_once(" = ")
            {
                let (name, _) = name.split_once(": ").expect("a constant has a type");
                constants.push(Self { module, name, value: value.trim_end_matches(';') });
            }
        }
        constants
    }

    /// The texts of a module's constants.
    fn names_in(module: &str) -> BTreeSet<&'static str> {
        let names: BTreeSet<_> = Self::all()
            .iter()
            .filter(|constant| constant.module == module)
            .map(|constant| constant.value.trim_matches('"'))
            .collect();
        assert!(!names.is_empty(), "abi.rs has no module {module}");
        names
    }

    fn number(&self) -> Option<i64> {
        let term = |text: &str| text.trim().replace('_', "").parse::<i64>().ok();
        match self.value.split_once("<<") {
            Some((value, shift)) => Some(term(value)? << term(shift)?),
            None => term(self.value),
        }
    }

    /// The name in C: module and name, in capitals.
    fn in_c(&self) -> String {
        ["POINTSMAN", &self.module.to_uppercase(), self.name]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("_")
    }
}

/// What stands between `before` and `after`, wherever that occurs in `text`.
fn between<'a>(text: &'a str, before: &str, after: char) -> BTreeSet<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

#[test]
fn the_header_has_every_number() {
    let defined = |name: &str| {
        let value = HEADER
            .lines()
            .find_map(|line| line.strip_prefix("#define ")?.strip_prefix(name)?.strip_prefix(' '));
        value?.trim_matches(['(', ')']).parse::<i64>().ok()
    };
    let numbers: Vec<Constant> =
        Constant::all().into_iter().filter(|constant| constant.number().is_some()).collect();
    assert!(numbers.len() > 40, "abi.rs is no longer read right: {} numbers", numbers.len());
    for constant in numbers {
        assert_eq!(defined(&constant.in_c()), constant.number(), "{}", constant.in_c());
    }
}

#[test]
fn the_header_has_every_name() {
    assert!(HEADER.contains(&format!("#define POINTSMAN_MODULE \"{}\"", pointsman_sdk::abi::MODULE)));
    let imports: BTreeSet<_> = between(HEADER, "POINTSMAN_IMPORT(\"", '"');
    assert_eq!(imports, Constant::names_in("import"));
    let mut exports = between(HEADER, "POINTSMAN_EXPORT(\"", '"');
    exports.insert(pointsman_sdk::abi::export::MEMORY);
    assert_eq!(exports, Constant::names_in("export"));
}

#[test]
fn the_sdk_imports_and_exports_every_name() {
    assert!(PROXY.contains(&format!("link(wasm_import_module = \"{}\")", pointsman_sdk::abi::MODULE)));
    let imported = |before| between(PROXY, before, '(');
    let imports: BTreeSet<_> =
        imported("pub(super) fn ").union(&imported("pub(super) safe fn ")).copied().collect();
    assert_eq!(imports, Constant::names_in("import"));
    let mut exports = between(GUEST, "extern \"C\" fn ", '(');
    exports.insert(pointsman_sdk::abi::export::MEMORY);
    assert_eq!(exports, Constant::names_in("export"));
}

/// Functions by their name, each with its type in WebAssembly.
type Types = BTreeMap<String, String>;

fn table(functions: &[Signature]) -> Types {
    functions.iter().map(|function| (function.name.to_owned(), function.ty.to_owned())).collect()
}

/// The type in WebAssembly of a function in C or Rust: its parameters without their names, and its result.
fn in_wasm(parameters: &str, result: &str) -> String {
    let parameters: Vec<&str> = parameters
        .split(", ")
        .map(str::trim)
        .filter(|parameter| !["", "void", "&self"].contains(parameter))
        .flat_map(|parameter| match parameter {
            // A slice is an address and a length; an array of known length is an address.
            text if text.contains("&str") || (text.contains("&mut [") && !text.contains("16]")) => {
                &["i32", "i32"][..]
            }
            long if long.contains("int64_t ") && !long.contains('*') || long.ends_with(": i64") => &["i64"],
            _ => &["i32"],
        })
        .copied()
        .collect();
    let parameters = parameters.join(", ");
    match result.trim() {
        "" | "void" => format!("({parameters})"),
        result if result.contains("64") => format!("({parameters}) -> i64"),
        _ => format!("({parameters}) -> i32"),
    }
}

/// The functions of a text in Rust, which begin with `before` and end with `after`.
fn rust_functions(text: &str, before: &str, after: char) -> Types {
    let declared = text.split(before).skip(1).map(|rest| {
        let declaration = rest.split(after).next().unwrap_or_default();
        let (name, rest) = declaration.split_once('(').expect("a function has parameters");
        let (parameters, result) = rest.rsplit_once(')').expect("they end");
        let parameters = parameters.split_whitespace().collect::<Vec<_>>().join(" ");
        (name.to_owned(), in_wasm(parameters.trim_end_matches(','), result.trim_start_matches(" -> ")))
    });
    declared.collect()
}

#[test]
fn the_table_of_types_is_complete_and_in_the_words_of_the_contract() {
    let names =
        |functions: &[Signature]| functions.iter().map(|function| function.name).collect::<BTreeSet<_>>();
    assert_eq!(names(&signature::IMPORTS), Constant::names_in("import"));
    let mut exports = names(&signature::EXPORTS);
    exports.insert(pointsman_sdk::abi::export::MEMORY);
    assert_eq!(exports, Constant::names_in("export"));

    // The type at the beginning of each constant's comment, in which a parameter without a type is an `i32`.
    let comments =
        ABI.split("pub mod import {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("imports");
    let mut documented = Types::new();
    for item in comments.split(";\n") {
        let Some((comment, constant)) = item.split_once("pub const ") else { continue };
        let ty = comment.split('`').nth(1).expect("a type in ticks");
        let (parameters, result) = ty.trim_start_matches('(').split_once(')').expect("parameters");
        let name = constant.split('"').nth(1).expect("a name").to_owned();
        documented.insert(name, in_wasm(parameters, result.trim_start_matches(" -> ")));
    }
    assert_eq!(documented, table(&signature::IMPORTS));
}

#[test]
fn the_header_has_every_type() {
    let declared = HEADER.split("POINTSMAN_IMPORT(\"").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("\")")?;
        let (result, rest) = rest.split_once("pointsman_")?;
        let parameters = rest.split_once('(')?.1.split_once(')')?.0;
        Some((name.to_owned(), in_wasm(parameters, result)))
    });
    assert_eq!(declared.collect::<Types>(), table(&signature::IMPORTS));
    let exported = HEADER.split("POINTSMAN_EXPORT(\"").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("\")")?;
        let (result, rest) = rest.split_once("pointsman_")?;
        let parameters = rest.split_once('(')?.1.split_once(')')?.0;
        Some((name.to_owned(), in_wasm(parameters, result.trim_matches(['\\', ' ', '\n']))))
    });
    assert_eq!(exported.collect::<Types>(), table(&signature::EXPORTS));
}

#[test]
fn the_sdk_has_every_type() {
    let (safe, raw) =
        (rust_functions(PROXY, "pub(super) safe fn ", ';'), rust_functions(PROXY, "pub(super) fn ", ';'));
    assert_eq!(safe.into_iter().chain(raw).collect::<Types>(), table(&signature::IMPORTS));
    assert_eq!(rust_functions(GUEST, "extern \"C\" fn ", '{'), table(&signature::EXPORTS));
    // The trait, which the proxy and the test hosts implement.
    let methods =
        IMPORTS.split("trait Imports {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("a trait");
    let methods = methods.replace("[u8; 16]", "[u8 16]");
    assert_eq!(rust_functions(&methods, "    fn ", ';'), table(&signature::IMPORTS));
}

/// `IN_FLIGHT` as `InFlight`.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + &rest.to_lowercase()
    };
    name.split('_').map(word).collect()
}

#[test]
fn the_files_of_other_languages_have_every_number() {
    let mut seen = 0;
    for constant in Constant::all() {
        let Some(number) = constant.number() else { continue };
        let Constant { module, name, .. } = constant;
        // Where each file begins the module, how it ends it, and the line within.
        let lower = if name == "ERROR" { "@\"error\"".to_owned() } else { name.to_lowercase() };
        let title = pascal(module);
        let in_module = [
            (
                ZIG,
                format!("\npub const {module} = struct {{"),
                "\n};",
                format!("\n    pub const {lower}: i32 = {number};"),
            ),
            (
                ASSEMBLYSCRIPT,
                format!("\nexport namespace {title} {{"),
                "\n}",
                format!("\n  export const {name}: i32 = {number};"),
            ),
            (GO, "\nconst (".to_owned(), "\n)", format!("\n\t{title}{} int32 = {number}", pascal(name))),
        ];
        let at_the_top = [
            (ZIG, String::new(), "", format!("\npub const {lower}: i32 = {number};")),
            (ASSEMBLYSCRIPT, String::new(), "", format!("\nexport const {name}: i32 = {number};")),
            (GO, String::new(), "", format!("\nconst {} int32 = {number}", pascal(name))),
        ];
        for (file, begin, end, line) in if module.is_empty() { at_the_top } else { in_module } {
            let found = if begin.is_empty() {
                file.contains(&line)
            } else {
                let parts = file.split(&begin).skip(1).filter_map(|rest| rest.split(end).next());
                parts.into_iter().any(|part| format!("{part}\n").contains(&format!("{line}\n")))
            };
            assert!(found, "{}: no {line:?}", &file[..30]);
            seen += 1;
        }
    }
    assert!(seen > 120, "abi.rs is no longer read right: {seen} numbers");
}

/// Functions that a file imports: each begins with `before`, has its name up to `after`, and its type up to `end`.
fn imported(file: &str, before: &str, after: &str, end: char) -> Types {
    let declared = file.split(before).skip(1).map(|rest| {
        let (name, rest) = rest.split_once(after).expect("a name");
        let (_, ty) =
            rest.split(end).next().and_then(|function| function.split_once('(')).expect("parameters");
        let (parameters, result) = ty.rsplit_once(')').expect("they end");
        let wide = |text: &str| if text.contains("i64") || text.contains("int64") { "i64" } else { "i32" };
        let parameters: Vec<&str> =
            parameters.split(", ").filter(|parameter| !parameter.is_empty()).map(wide).collect();
        let result = match result.trim_matches([':', ' ']) {
            "" | "void" => String::new(),
            result => format!(" -> {}", wide(result)),
        };
        (name.to_owned(), format!("({}){result}", parameters.join(", ")))
    });
    declared.collect()
}

#[test]
fn the_files_of_other_languages_have_every_type() {
    let expected = table(&signature::IMPORTS);
    let module = pointsman_sdk::abi::MODULE;
    // The name ends where the parameters begin.
    let zig = ZIG.replace('(', " (");
    assert_eq!(imported(&zig, &format!("pub extern \"{module}\" fn "), " ", ';'), expected);
    let script = imported(ASSEMBLYSCRIPT, &format!("\n@external(\"{module}\", \""), "\")", ';');
    assert_eq!(script, expected);
    let go = GO.replace("\nfunc ", " func ");
    assert_eq!(imported(&go, &format!("//go:wasmimport {module} "), " func ", '\n'), expected);
}
