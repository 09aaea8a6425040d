//! Why a plugin doesn't serve, in words for those who wrote or installed it.

use std::time::Duration;

use pointsman_core::printable::Printable;
use pointsman_sdk::abi::{MODULE, runtime_export, signature};

use super::hint;
use super::work::Shape;
use crate::fault::{Fault, FaultKind};
use crate::instance::BuildError;

/// Why a plugin was refused: what was found, what is allowed, what can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Cut off.
    #[error(
        "the file ends early, after {found} bytes, in the middle of a module; write plugins to a temporary file and \
         rename it"
    )]
    EndsEarly {
        /// Bytes that are there.
        found: usize,
    },
    /// Above the limit for code and data.
    #[error(
        "the module has {found} bytes without its debug and other custom sections, allowed are {allowed}; build it with \
         `opt-level`, `lto` and without embedded data"
    )]
    TooLarge {
        /// Bytes.
        found: usize,
        /// Bytes.
        allowed: usize,
    },
    /// More functions than are compiled.
    #[error(
        "the module has {found} functions, allowed are {allowed}: more would take too long to compile; build it with \
         `opt-level`, `lto` and fewer dependencies"
    )]
    TooManyFunctions {
        /// Functions.
        found: u32,
        /// Functions.
        allowed: usize,
    },
    /// A longer function than is compiled.
    #[error(
        "the module has a function of {found} bytes, allowed are {allowed}: a longer one would take too long to \
         compile; split it, keep tables in data instead of code, or build with `opt-level = \"s\"`"
    )]
    FunctionTooLarge {
        /// Bytes.
        found: u32,
        /// Bytes.
        allowed: usize,
    },
    /// A function that the compiler would take too long for.
    #[error(
        "compiling the module's {shape}, could take {:.1} s, allowed are {} s; split the function, or build the plugin \
         optimised",
        found.as_secs_f64(), allowed.as_secs()
    )]
    FunctionTooComplex {
        /// The function.
        shape: Shape,
        /// An estimate of the time.
        found: Duration,
        /// Greatest time.
        allowed: Duration,
    },
    /// A module that the compiler would take too long for.
    #[error(
        "compiling the module could take more than {} s, which is what is allowed; build it optimised and with fewer \
         dependencies, or split its largest functions",
        allowed.as_secs()
    )]
    TooComplex {
        /// Greatest time.
        allowed: Duration,
    },
    /// Too many of something that each instance is made of.
    #[error("the module has {found} {what}, allowed are {allowed}: more would take too long to compile")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// Its number.
        found: u64,
        /// The greatest number.
        allowed: u64,
    },
    /// Something else.
    #[error("not a WebAssembly module: the file is {looks_like}")]
    NotWasm {
        /// What it seems to be.
        looks_like: &'static str,
    },
    /// A component, not a core module.
    #[error(
        "the file is a WebAssembly component; policies are core modules: build for wasm32-unknown-unknown and leave \
         `wasm-tools component new` out"
    )]
    Component,
    /// Runs code before `init`.
    #[error(
        "the module has a start function, which would run before the host knows its memory; export it as `{}` instead \
         (AssemblyScript: `--exportStart {}`)",
        runtime_export::INITIALIZE,
        runtime_export::INITIALIZE
    )]
    StartFunction,
    /// Has a `main`, which the host doesn't call.
    #[error(
        "the module exports `{}` and no `{}`: this is a program; build a library (a reactor), as with `-mexec-model=reactor` \
         in C, `-buildmode=c-shared` in Go, and `crate-type = [\"cdylib\"]` in Rust",
        runtime_export::START,
        runtime_export::INITIALIZE
    )]
    Program,
    /// The compiler refuses it.
    #[error("the module is invalid: {reason}; {}", hint::for_invalid(reason.as_str()))]
    Invalid {
        /// The compiler's words.
        reason: Printable,
    },
    /// Wants an operating system.
    #[error(
        "the module imports `{name}` from `{from}`: WASI. Policies have no operating system, files or sockets; of preview 1 \
         they have standard output (the log), the clock and random numbers, and nothing of others. Build for \
         wasm32-unknown-unknown or freestanding, or leave out what calls it"
    )]
    Wasi {
        /// Import module.
        from: Printable,
        /// Import name.
        name: Printable,
    },
    /// Needs a later addition to the contract.
    #[error(
        "the plugin needs ABI {version}, this Pointsman has 1.0; use a newer Pointsman, or build the plugin with an \
         older pointsman-sdk"
    )]
    NewerAbi {
        /// What it needs.
        version: Printable,
    },
    /// Another contract.
    #[error(
        "the plugin is built for ABI {version}, this Pointsman has 1.0; rebuild it with a pointsman-sdk of this \
         release"
    )]
    OtherAbi {
        /// What it is built for.
        version: Printable,
    },
    /// Exports a hook that there isn't: it would never be called.
    #[error(
        "the plugin exports `{name}`, which this Pointsman never calls: hooks are {}",
        signature::EXPORTS.map(|hook| format!("`{}`", hook.name)).join(", ")
    )]
    UnknownHook {
        /// The name of the export.
        name: Printable,
    },
    /// Imports from elsewhere.
    #[error(
        "the module imports `{name}` from `{from}`, and policies may import from `{}` only. This is {}",
        MODULE, hint::for_import(from.as_str(), name.as_str())
    )]
    ForeignImport {
        /// Import module.
        from: Printable,
        /// Import name.
        name: Printable,
    },
    /// Not in the contract.
    #[error(
        "the module imports `{name}` from `{}`, which has no such function; the plugin's SDK may be newer",
        MODULE
    )]
    UnknownFunction {
        /// Import name.
        name: Printable,
    },
    /// In the contract with another type.
    #[error("the module imports `{name}` as {found}; the contract says {expected}")]
    ImportType {
        /// Import name.
        name: Printable,
        /// Type in the module.
        found: Printable,
        /// Type in the contract.
        expected: String,
    },
    /// Doesn't export what the host calls.
    #[error("the module doesn't export `{name}` ({expected}); {}", hint::EXPORTS)]
    MissingExport {
        /// Export name.
        name: &'static str,
        /// Type in the contract.
        expected: &'static str,
    },
    /// Exports it with another type.
    #[error("the module exports `{name}` as {found}; the contract says {expected}")]
    ExportType {
        /// Export name.
        name: &'static str,
        /// Type in the contract.
        expected: &'static str,
        /// Type in the module.
        found: Printable,
    },
    /// Starts with more memory than it may have.
    #[error(
        "the module starts with {found} bytes of memory, the pool allows {allowed}; lower its static data or stack \
         (Rust: `-Clink-arg=-zstack-size=65536`), or raise `memory` of the pool's policy"
    )]
    MemoryTooLarge {
        /// Bytes.
        found: u64,
        /// Bytes.
        allowed: usize,
    },
    /// More than one table.
    #[error("the module has {found} tables, allowed is 1")]
    Tables {
        /// Number of tables.
        found: u32,
    },
    /// Too large a table.
    #[error(
        "the module's table has {found} elements, the pool allows {allowed}; call fewer functions through pointers, or \
         raise `table` of the pool's policy"
    )]
    TableTooLarge {
        /// Elements.
        found: u64,
        /// Elements.
        allowed: usize,
    },
    /// Takes too long to compile.
    #[error(
        "compiling the module took longer than {} s; try again if this machine was busy, else make it smaller, or split its \
         largest functions",
        allowed.as_secs()
    )]
    CompileTime {
        /// Greatest time.
        allowed: Duration,
    },
    /// It was never tried: what was tried before still keeps the compiler busy.
    #[error(
        "the compiler is still busy with {running} plugins that took too long and were given up; install this one again \
         when it has finished with them"
    )]
    CompilerBusy {
        /// Compilations that still run.
        running: usize,
    },
    /// Taken back on probation, and still the same.
    #[error(
        "this version was taken back after faults and is quarantined: install another content, or let it in again with \
         `pointsman ctl unquarantine`; its last fault: {reason}"
    )]
    Quarantined {
        /// The last fault.
        reason: Printable,
    },
    /// The guest doesn't want to run with this configuration. Its own words.
    #[error("the policy refuses to start: {reason}")]
    Init {
        /// What the guest said.
        reason: Printable,
    },
    /// It failed while it was tried out.
    #[error("the policy failed while it was tried out, {situation}: {fault}")]
    Rehearsal {
        /// What it was asked to do.
        situation: String,
        /// What happened.
        fault: Fault,
    },
    /// The loader has ended.
    #[error("the proxy is shutting down")]
    Stopped,
}

impl Refusal {
    /// Whether the file looks half-written, so that reading it again after a moment may help.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Empty | Self::EndsEarly { .. })
    }

    /// Whether the guest used up its CPU time while it was tried out.
    pub(super) fn is_deadline(&self) -> bool {
        matches!(self, Self::Rehearsal { fault, .. } if fault.kind == FaultKind::Deadline)
    }

    /// A short name for logs and counters.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Empty | Self::EndsEarly { .. } => "incomplete",
            Self::TooLarge { .. } | Self::TooManyFunctions { .. } | Self::FunctionTooLarge { .. } => "size",
            Self::FunctionTooComplex { .. } | Self::TooComplex { .. } | Self::TooMany { .. } => "complexity",
            Self::NotWasm { .. } | Self::Component | Self::Invalid { .. } => "format",
            Self::StartFunction => "start-function",
            Self::Wasi { .. }
            | Self::ForeignImport { .. }
            | Self::UnknownFunction { .. }
            | Self::ImportType { .. } => "imports",
            Self::NewerAbi { .. } | Self::OtherAbi { .. } => "abi",
            Self::Program
            | Self::UnknownHook { .. }
            | Self::MissingExport { .. }
            | Self::ExportType { .. } => "exports",
            Self::MemoryTooLarge { .. } => "memory",
            Self::Tables { .. } | Self::TableTooLarge { .. } => "table",
            Self::CompileTime { .. } => "compile-time",
            Self::CompilerBusy { .. } => "compiler-busy",
            Self::Quarantined { .. } => "quarantine",
            Self::Init { .. } => "init",
            Self::Rehearsal { .. } => "rehearsal",
            Self::Stopped => "stopped",
        }
    }
}

impl From<BuildError> for Refusal {
    /// A first instance that can't be built.
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Refused(reason) => Self::Init { reason },
            BuildError::Fault(fault) => Self::Rehearsal { situation: "starting".to_owned(), fault },
        }
    }
}
