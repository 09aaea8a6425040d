//! Cells: numbers that outlive the guest.

use pointsman_sdk::abi::{MODULE, cell_scope, import};
use wasmtime::{Caller, Linker};

use super::enter::enter;
use super::unknown;
use crate::cells::{Cell, CellAddress};
use crate::guest::GuestState;

pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker
        .func_wrap(
            MODULE,
            import::CELL_GET,
            |mut caller: Caller<'_, GuestState>, scope: i32, index: i32, slot: i32| {
                let value = with_cell(&mut caller, import::CELL_GET, (scope, index, slot), |cell| cell.get());
                keep(caller.data(), scope, index, slot, value);
                value
            },
        )?
        .func_wrap(
            MODULE,
            import::CELL_SET,
            |mut caller: Caller<'_, GuestState>, scope: i32, index: i32, slot: i32, value: i64| {
                with_cell(&mut caller, import::CELL_SET, (scope, index, slot), |cell| {
                    cell.set(value);
                    0
                });
            },
        )?
        .func_wrap(
            MODULE,
            import::CELL_ADD,
            |mut caller: Caller<'_, GuestState>, scope: i32, index: i32, slot: i32, delta: i64| {
                let value =
                    with_cell(&mut caller, import::CELL_ADD, (scope, index, slot), |cell| cell.add(delta));
                keep(caller.data(), scope, index, slot, value);
                value
            },
        )?
        .func_wrap(
            MODULE,
            import::CELL_CAS,
            |mut caller: Caller<'_, GuestState>,
             scope: i32,
             index: i32,
             slot: i32,
             expected: i64,
             new: i64| {
                let value = with_cell(&mut caller, import::CELL_CAS, (scope, index, slot), |cell| {
                    cell.compare_and_set(expected, new)
                });
                keep(caller.data(), scope, index, slot, value);
                value
            },
        )?;
    Ok(())
}

/// Uses a cell; 0 if there is none.
#[inline]
fn with_cell(
    caller: &mut Caller<'_, GuestState>,
    function: &'static str,
    (scope, index, slot): (i32, i32, i32),
    use_cell: impl FnOnce(Cell<'_>) -> i64,
) -> i64 {
    let state = enter(caller);
    let address = CellAddress { scope, index: index.cast_unsigned(), slot: slot.cast_unsigned() };
    let value = state.cells().cell(address).map(use_cell);
    value.unwrap_or_else(|| {
        tell_unknown(state, function, (scope, index, slot));
        0
    })
}

/// Says which part of an address leads to no cell.
#[cold]
fn tell_unknown(state: &mut GuestState, function: &'static str, (scope, index, slot): (i32, i32, i32)) {
    let slots = match scope {
        cell_scope::BACKEND => {
            unknown::check_backend(state, function, index);
            cell_scope::BACKEND_SLOTS
        }
        cell_scope::POOL => cell_scope::POOL_SLOTS,
        _ => return unknown::tell(state, function, "a cell of the scope", scope),
    };
    if slot.cast_unsigned() as usize >= slots {
        unknown::tell(state, function, "cell", slot);
    }
}

/// Keeps what a cell held, if the pick is to be explained.
#[inline]
fn keep(state: &GuestState, scope: i32, index: i32, slot: i32, value: i64) {
    const OF_BACKENDS: [&str; cell_scope::BACKEND_SLOTS] =
        ["cell_0", "cell_1", "cell_2", "cell_3", "cell_4", "cell_5", "cell_6", "cell_7"];
    let Some(mut given) = state.given() else { return };
    let (index, slot) = (index.cast_unsigned(), slot.cast_unsigned());
    match (scope, OF_BACKENDS.get(slot as usize)) {
        (cell_scope::BACKEND, Some(name)) => given.number(name, index, value),
        (cell_scope::POOL, _) => given.fact(format!("cell {slot} of the pool"), Some(value)),
        _ => given.fact(format!("the unknown cell {slot} of scope {scope}"), Some(value)),
    }
}
