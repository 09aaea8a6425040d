//! The policy's configuration, and its reports while it starts.

use pointsman_sdk::abi::{MODULE, import};
use wasmtime::{Caller, Linker};

use super::memory::{HostRefusal, open};
use super::text;
use crate::guest::{Call, GuestState};

pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker
        .func_wrap(MODULE, import::CONFIG, |mut caller: Caller<'_, GuestState>, buf: i32, cap: i32| {
            let (mut memory, state) = open(&mut caller)?;
            memory.write(import::CONFIG, buf, cap, Some(state.context.settings.config.as_bytes()))
        })?
        .func_wrap(MODULE, import::FAIL, |mut caller: Caller<'_, GuestState>, ptr: i32, len: i32| {
            let (memory, state) = open(&mut caller)?;
            state.report.refusal = Some(text::printable(memory.read(import::FAIL, ptr, len)?));
            Ok(())
        })?
        .func_wrap(MODULE, import::STATE, |mut caller: Caller<'_, GuestState>, ptr: i32, len: i32| {
            let (memory, state) = open(&mut caller)?;
            if state.call.hook != Call::Init {
                return Err(HostRefusal::NotNow { function: import::STATE, hook: Call::Init.name() }.into());
            }
            let name = text::printable(memory.read(import::STATE, ptr, len)?);
            state.open_cells(name.as_str());
            Ok(())
        })?;
    Ok(())
}
