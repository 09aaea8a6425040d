//! Checks a module against the contract: its imports and exports, with types.

use pointsman_core::printable::Printable;
use pointsman_sdk::abi::signature::{self, Signature};
use pointsman_sdk::abi::{MODULE, export, runtime_export, wasi};
use wasmtime::{Extern, ExternType, FuncType, Linker, Module, Store, ValType};

use super::Refusal;
use crate::guest::GuestState;
use crate::imports;
use crate::observed_request::RequestAccess;
use crate::version::Hooks;

/// The import module's name without its minor version.
const MODULE_PREFIX: &str = "pointsman_";

/// What languages' own runtimes export to be prepared.
const INITIALIZE: Signature = Signature { name: runtime_export::INITIALIZE, ty: "()" };

/// What a module's imports tell of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Uses {
    pub(super) request: RequestAccess,
    pub(super) cells: bool,
}

/// Checks that everything a module imports is there. `scratch` is for a store in which types can be looked up.
pub(super) fn check_imports(
    linker: &Linker<GuestState>,
    scratch: GuestState,
    module: &Module,
) -> Result<Uses, Refusal> {
    let mut store = Store::new(linker.engine(), scratch);
    let mut uses = Uses::default();
    for import in module.imports() {
        let name = import.name();
        let from = import.module();
        if from != MODULE && from != wasi::MODULE {
            return Err(foreign(from, name));
        }
        let function = linker.get(&mut store, from, name).ok().and_then(Extern::into_func);
        let Some(function) = function else {
            let unknown = || Refusal::UnknownFunction { name: Printable::name(name) };
            return Err(if from == MODULE { unknown() } else { foreign(from, name) });
        };
        let (found, expected) = (describe(&import.ty()), type_text(&function.ty(&store)));
        if found != expected {
            return Err(Refusal::ImportType {
                name: Printable::name(name),
                found: Printable::name(found),
                expected,
            });
        }
        if from == MODULE {
            uses.request = uses.request.max(imports::access(name));
            uses.cells |= imports::uses_cells(name);
        }
    }
    Ok(uses)
}

/// Why an import from another module is refused.
fn foreign(from: &str, name: &str) -> Refusal {
    match from.strip_prefix(MODULE_PREFIX) {
        Some(version) => {
            // The host knows one version, so any other one is newer or of another major version.
            let newer_minor = version.strip_prefix("1.").is_some_and(|minor| minor.parse::<u32>().is_ok());
            let version = Printable::name(version);
            if newer_minor { Refusal::NewerAbi { version } } else { Refusal::OtherAbi { version } }
        }
        None => {
            let is_wasi = from.starts_with("wasi");
            let (from, name) = (Printable::name(from), Printable::name(name));
            if is_wasi { Refusal::Wasi { from, name } } else { Refusal::ForeignImport { from, name } }
        }
    }
}

/// Checks that a module exports what the host calls; returns which optional hooks it has.
pub(super) fn check_exports(module: &Module) -> Result<Hooks, Refusal> {
    match module.get_export(export::MEMORY) {
        Some(ExternType::Memory(memory)) if !memory.is_64() && !memory.is_shared() => {}
        other => return Err(bad_export(export::MEMORY, "a 32-bit memory", other)),
    }
    if !optional(module, INITIALIZE)? && module.get_export(runtime_export::START).is_some() {
        return Err(Refusal::Program);
    }
    require(module, signature::INIT)?;
    require(module, signature::PICK)?;
    let is_known = |name: &str| signature::EXPORTS.iter().any(|hook| hook.name == name);
    let mut named = module.exports().map(|export| export.name());
    if let Some(unknown) = named.find(|name| name.starts_with(MODULE_PREFIX) && !is_known(name)) {
        return Err(Refusal::UnknownHook { name: Printable::name(unknown) });
    }
    Ok(Hooks {
        topology: optional(module, signature::TOPOLOGY)?,
        observe: optional(module, signature::OBSERVE)?,
        tick: optional(module, signature::TICK)?,
    })
}

/// Smallest memory a module's instance may have, bytes.
pub(super) fn least_memory(module: &Module) -> u64 {
    match module.get_export(export::MEMORY) {
        Some(ExternType::Memory(memory)) => memory.minimum().saturating_mul(memory.page_size()),
        _ => 0,
    }
}

fn require(module: &Module, Signature { name, ty: expected }: Signature) -> Result<(), Refusal> {
    match module.get_export(name) {
        Some(found) if describe(&found) == expected => Ok(()),
        other => Err(bad_export(name, expected, other)),
    }
}

fn optional(module: &Module, function: Signature) -> Result<bool, Refusal> {
    match module.get_export(function.name) {
        None => Ok(false),
        Some(_) => require(module, function).map(|()| true),
    }
}

fn bad_export(name: &'static str, expected: &'static str, found: Option<ExternType>) -> Refusal {
    match found {
        None => Refusal::MissingExport { name, expected },
        Some(found) => Refusal::ExportType { name, expected, found: Printable::name(describe(&found)) },
    }
}

fn describe(item: &ExternType) -> String {
    match item {
        ExternType::Func(function) => type_text(function),
        ExternType::Memory(memory) if memory.is_64() => "a 64-bit memory".to_owned(),
        ExternType::Memory(memory) if memory.is_shared() => "a shared memory".to_owned(),
        ExternType::Memory(_) => "a memory".to_owned(),
        ExternType::Table(_) => "a table".to_owned(),
        ExternType::Global(_) => "a global".to_owned(),
        ExternType::Tag(_) => "a tag".to_owned(),
    }
}

/// A function type as the contract's documentation writes it: `(i32, i32) -> i32`.
fn type_text(function: &FuncType) -> String {
    let list = |types: &mut dyn Iterator<Item = ValType>| {
        types.map(|value| value.to_string()).collect::<Vec<_>>().join(", ")
    };
    let parameters = list(&mut function.params());
    let results = list(&mut function.results());
    if results.is_empty() { format!("({parameters})") } else { format!("({parameters}) -> {results}") }
}
