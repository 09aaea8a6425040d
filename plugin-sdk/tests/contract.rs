//! The contract has one home, `src/abi.rs`. This holds the other places that state it to the same names and numbers: the
//! C header, and what the SDK imports and exports.

use std::collections::BTreeSet;

const ABI: &str = include_str!("../src/abi.rs");
const HEADER: &str = include_str!("../include/pointsman.h");
const GUEST: &str = include_str!("../src/guest.rs");

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
    assert!(GUEST.contains(&format!("#[link(wasm_import_module = \"{}\")]", pointsman_sdk::abi::MODULE)));
    let functions = |before| between(GUEST, before, '(');
    let imports: BTreeSet<_> =
        functions("pub(super) fn ").union(&functions("pub(super) safe fn ")).copied().collect();
    assert_eq!(imports, Constant::names_in("import"));
    let mut exports = functions("extern \"C\" fn ");
    exports.insert(pointsman_sdk::abi::export::MEMORY);
    assert_eq!(exports, Constant::names_in("export"));
}
