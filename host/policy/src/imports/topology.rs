//! The pool's backends, as the operator configured them and as they may be picked.

use std::io::Write;

use pointsman_core::backend::{Backend, BackendIndex, BackendStats};
use pointsman_core::pool::Capacity;
use pointsman_sdk::abi::{MODULE, backend_field, flag, import};
use wasmtime::{Caller, Linker};

use super::enter::enter;
use super::given;
use super::memory::{length, open};
use super::unknown;
use crate::guest::GuestState;

/// Room for the longest address: an IPv6 address with scope and port.
const ADDRESS_BYTES: usize = 64;

pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker
        .func_wrap(MODULE, import::BACKEND_COUNT, |mut caller: Caller<'_, GuestState>| {
            length(enter(&mut caller).topology.backends().len())
        })?
        .func_wrap(MODULE, import::BACKEND_TEXT, backend_text)?
        .func_wrap(MODULE, import::BACKEND_LABEL, backend_label)?
        .func_wrap(MODULE, import::WEIGHT, |mut caller: Caller<'_, GuestState>, index: i32| {
            let state = enter(&mut caller);
            unknown::check_backend(state, import::WEIGHT, index);
            let weight = number(state.topology.weights(), index);
            given::number(state, "weight", index, i64::from(weight.cast_unsigned()));
            weight
        })?
        .func_wrap(MODULE, import::WEIGHTS, |mut caller: Caller<'_, GuestState>, buf: i32, cap: i32| {
            let (mut memory, state) = open(&mut caller)?;
            let weights = state.topology.weights().iter().map(|weight| weight.to_le_bytes());
            let written = memory.write_column(import::WEIGHTS, buf, cap, weights);
            given::column(state, &memory, "weight", (buf, cap), unsigned);
            written
        })?
        .func_wrap(MODULE, import::CONFIGURED_WEIGHT, |mut caller: Caller<'_, GuestState>, index: i32| {
            let state = enter(&mut caller);
            unknown::check_backend(state, import::CONFIGURED_WEIGHT, index);
            let weight = backend(state, index).map_or(0, |backend| backend.weight.cast_signed());
            given::number(state, "configured_weight", index, i64::from(weight.cast_unsigned()));
            weight
        })?
        .func_wrap(MODULE, import::FLAGS, |mut caller: Caller<'_, GuestState>, index: i32| {
            let state = enter(&mut caller);
            unknown::check_backend(state, import::FLAGS, index);
            let place = index.cast_unsigned() as usize;
            let flags = state.topology.flags().get(place).zip(state.topology.stats().get(place));
            let capacity = state.context.pool.capacity();
            let flags = flags.map_or(0, |(flags, stats)| live(*flags, stats, place, state, capacity));
            let flags = flags.cast_signed();
            given::number(state, "flags", index, i64::from(flags.cast_unsigned()));
            flags
        })?
        .func_wrap(MODULE, import::ALL_FLAGS, |mut caller: Caller<'_, GuestState>, buf: i32, cap: i32| {
            let (mut memory, state) = open(&mut caller)?;
            let columns = state.topology.flags().iter().zip(state.topology.stats()).enumerate();
            let capacity = state.context.pool.capacity();
            let flags = columns
                .map(|(place, (flags, stats))| live(*flags, stats, place, state, capacity).to_le_bytes());
            let written = memory.write_column(import::ALL_FLAGS, buf, cap, flags);
            given::column(state, &memory, "flags", (buf, cap), unsigned);
            written
        })?;
    Ok(())
}

/// A number of a column, as it was written.
fn unsigned(bytes: [u8; 4]) -> i64 {
    i64::from(u32::from_le_bytes(bytes))
}

/// Flags with the one that changes without a topology event.
fn live(flags: u32, stats: &BackendStats, place: usize, state: &GuestState, capacity: Capacity) -> u32 {
    let full = stats.in_flight() >= capacity.of(state.topology.limits_at(place));
    if full { flags | flag::FULL } else { flags }
}

fn backend_text(
    mut caller: Caller<'_, GuestState>,
    index: i32,
    field: i32,
    buf: i32,
    cap: i32,
) -> wasmtime::Result<i32> {
    let (mut memory, state) = open(&mut caller)?;
    unknown::check_backend(state, import::BACKEND_TEXT, index);
    if !(backend_field::NAME..=backend_field::ZONE).contains(&field) {
        unknown::tell(state, import::BACKEND_TEXT, "field", field);
    }
    let mut address = [0; ADDRESS_BYTES];
    let text = backend(state, index).and_then(|backend| match field {
        backend_field::NAME => Some(backend.name.as_bytes()),
        backend_field::ADDRESS => {
            let mut rest = address.as_mut_slice();
            write!(rest, "{}", backend.address).ok()?;
            let unused = rest.len();
            Some(&address[..ADDRESS_BYTES - unused])
        }
        backend_field::ZONE => Some(backend.attributes.zone.as_bytes()),
        _ => None,
    });
    memory.write(import::BACKEND_TEXT, buf, cap, text)
}

fn backend_label(
    mut caller: Caller<'_, GuestState>,
    index: i32,
    key_ptr: i32,
    key_len: i32,
    buf: i32,
    cap: i32,
) -> wasmtime::Result<i32> {
    let (mut memory, state) = open(&mut caller)?;
    unknown::check_backend(state, import::BACKEND_LABEL, index);
    let key = memory.read_name(import::BACKEND_LABEL, key_ptr, key_len)?;
    let label = key.and_then(|key| backend(state, index)?.label(key));
    memory.write(import::BACKEND_LABEL, buf, cap, label.map(str::as_bytes))
}

fn backend(state: &GuestState, index: i32) -> Option<&Backend> {
    state.topology.get(BackendIndex(index.cast_unsigned())).map(AsRef::as_ref)
}

/// One number of a column; 0 for an unknown index.
fn number(column: &[u32], index: i32) -> i32 {
    column.get(index.cast_unsigned() as usize).map_or(0, |number| number.cast_signed())
}
