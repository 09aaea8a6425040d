//! The functions that a guest may call: ABI 1.0 in full, and what languages' own libraries link in.
//!
//! Nothing here panics, allocates (but for a log line) or waits. What a guest passes is untrusted: a range outside its
//! memory is refused with a trap; an unknown index, field or kind has an answer that says so.

mod cells;
mod configuration;
mod enter;
mod given;
mod memory;
mod request;
mod rest;
mod stats;
mod text;
mod topology;
mod unknown;
mod wasi;

use pointsman_sdk::abi;
use wasmtime::{Engine, Linker};

use crate::guest::GuestState;
use crate::observed_request::RequestAccess;

pub(crate) use memory::HostRefusal;

/// A linker that knows all functions of the contract.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    configuration::link(&mut linker)?;
    topology::link(&mut linker)?;
    stats::link(&mut linker)?;
    request::link(&mut linker)?;
    cells::link(&mut linker)?;
    rest::link(&mut linker)?;
    wasi::link(&mut linker)?;
    Ok(linker)
}

/// How much of a request a guest that imports this function can access.
pub(super) fn access(import: &str) -> RequestAccess {
    use abi::import::{ATTEMPT, CLIENT_IP, HASH, HEADER, REQUEST_TEXT, TRIED};
    match import {
        REQUEST_TEXT | HEADER | HASH => RequestAccess::Whole,
        CLIENT_IP | ATTEMPT | TRIED => RequestAccess::Outline,
        _ => RequestAccess::Nothing,
    }
}

/// Whether a guest that imports this function uses cells.
pub(super) fn uses_cells(import: &str) -> bool {
    use abi::import::{CELL_ADD, CELL_CAS, CELL_GET, CELL_SET};
    [CELL_GET, CELL_SET, CELL_ADD, CELL_CAS].contains(&import)
}

#[cfg(test)]
mod tests;
