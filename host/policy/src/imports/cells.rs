//! Cells: numbers that outlive the guest.

use pointsman_sdk::abi::{MODULE, import};
use wasmtime::{Caller, Linker};

use crate::cells::{Cell, CellAddress};
use crate::guest::GuestState;

pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker
        .func_wrap(
            MODULE,
            import::CELL_GET,
            |mut caller: Caller<'_, GuestState>, scope: i32, index: i32, slot: i32| {
                cell(&mut caller, scope, index, slot).map_or(0, Cell::get)
            },
        )?
        .func_wrap(
            MODULE,
            import::CELL_SET,
            |mut caller: Caller<'_, GuestState>, scope: i32, index: i32, slot: i32, value: i64| {
                if let Some(cell) = cell(&mut caller, scope, index, slot) {
                    cell.set(value);
                }
            },
        )?
        .func_wrap(
            MODULE,
            import::CELL_ADD,
            |mut caller: Caller<'_, GuestState>, scope: i32, index: i32, slot: i32, delta: i64| {
                cell(&mut caller, scope, index, slot).map_or(0, |cell| cell.add(delta))
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
                cell(&mut caller, scope, index, slot).map_or(0, |cell| cell.compare_and_set(expected, new))
            },
        )?;
    Ok(())
}

fn cell<'a>(caller: &'a mut Caller<'_, GuestState>, scope: i32, index: i32, slot: i32) -> Option<Cell<'a>> {
    let address = CellAddress { scope, index: index.cast_unsigned(), slot: slot.cast_unsigned() };
    caller.data_mut().cells().cell(address)
}
