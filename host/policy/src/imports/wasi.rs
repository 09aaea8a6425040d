//! WASI preview 1 without an operating system: what the libraries of C, C++ and Go link in, with fixed answers.
//!
//! Nothing here gives a guest what ABI 1.0 doesn't: its time, its random numbers and its log are those functions' own, and
//! there are no files, arguments or environment.

use pointsman_sdk::abi::limit::TEXT_BYTES;
use pointsman_sdk::abi::log_level;
use pointsman_sdk::abi::wasi::{
    ARGS_GET, ARGS_SIZES_GET, CLOCK_RES_GET, CLOCK_TIME_GET, ENVIRON_GET, ENVIRON_SIZES_GET, FD_CLOSE,
    FD_FDSTAT_GET, FD_FDSTAT_SET_FLAGS, FD_PRESTAT_DIR_NAME, FD_PRESTAT_GET, FD_READ, FD_SEEK, FD_WRITE,
    MODULE, POLL_ONEOFF, PROC_EXIT, RANDOM_GET, SCHED_YIELD,
};
use wasmtime::{Caller, Linker};

use super::enter::enter;
use super::given;
use super::memory::{HostRefusal, Memory, open};
use super::rest::say;
use crate::guest::GuestState;

/// Error numbers of WASI preview 1 (`errno` in its `typenames.witx`).
mod errno {
    pub(super) const SUCCESS: i32 = 0;
    /// No such file.
    pub(super) const BADF: i32 = 8;
    pub(super) const INVAL: i32 = 28;
    pub(super) const NOSYS: i32 = 52;
    /// Not a file in which one could seek.
    pub(super) const SPIPE: i32 = 70;
}

const STDOUT: i32 = 1;
const STDERR: i32 = 2;

/// Most buffers of one write, as POSIX's `IOV_MAX`: each is a look at the guest's memory.
const BUFFERS: i32 = 1024;
/// Bytes of a buffer's description: address and length.
const BUFFER: i32 = 8;
/// Most random bytes at a time.
const RANDOM_BYTES: i32 = 64 << 10;

type Guest<'a> = Caller<'a, GuestState>;

pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    // The guest is told that there are none, and of no size.
    for name in [ARGS_SIZES_GET, ENVIRON_SIZES_GET] {
        linker.func_wrap(MODULE, name, move |mut guest: Guest<'_>, count: i32, bytes: i32| {
            let (mut memory, _) = open(&mut guest)?;
            memory.put(name, count, &[0; 4])?;
            memory.put(name, bytes, &[0; 4])?;
            wasmtime::Result::Ok(errno::SUCCESS)
        })?;
    }
    for (name, answer) in [
        (ARGS_GET, errno::SUCCESS),
        (ENVIRON_GET, errno::SUCCESS),
        (FD_FDSTAT_GET, errno::BADF),
        (FD_FDSTAT_SET_FLAGS, errno::BADF),
        (FD_PRESTAT_GET, errno::BADF),
    ] {
        linker
            .func_wrap(MODULE, name, move |mut guest: Guest<'_>, _: i32, _: i32| fixed(&mut guest, answer))?;
    }
    linker
        .func_wrap(MODULE, FD_CLOSE, |mut guest: Guest<'_>, _: i32| fixed(&mut guest, errno::BADF))?
        .func_wrap(MODULE, FD_PRESTAT_DIR_NAME, |mut guest: Guest<'_>, _: i32, _: i32, _: i32| {
            fixed(&mut guest, errno::BADF)
        })?
        .func_wrap(MODULE, FD_READ, |mut guest: Guest<'_>, _: i32, _: i32, _: i32, _: i32| {
            fixed(&mut guest, errno::BADF)
        })?
        .func_wrap(MODULE, FD_SEEK, |mut guest: Guest<'_>, _: i32, _: i64, _: i32, _: i32| {
            fixed(&mut guest, errno::SPIPE)
        })?
        .func_wrap(MODULE, POLL_ONEOFF, |mut guest: Guest<'_>, _: i32, _: i32, _: i32, _: i32| {
            fixed(&mut guest, errno::NOSYS)
        })?
        .func_wrap(MODULE, SCHED_YIELD, |mut guest: Guest<'_>| fixed(&mut guest, errno::SUCCESS))?
        .func_wrap(MODULE, PROC_EXIT, |code: i32| {
            wasmtime::Result::<()>::Err(HostRefusal::Exited { code }.into())
        })?
        .func_wrap(MODULE, CLOCK_RES_GET, |mut guest: Guest<'_>, _clock: i32, to: i32| {
            const MICROSECOND: u64 = 1_000;
            let (mut memory, _) = open(&mut guest)?;
            memory.put(CLOCK_RES_GET, to, &MICROSECOND.to_le_bytes())?;
            wasmtime::Result::Ok(errno::SUCCESS)
        })?
        .func_wrap(MODULE, CLOCK_TIME_GET, |mut guest: Guest<'_>, _clock: i32, _precision: i64, to: i32| {
            let (mut memory, state) = open(&mut guest)?;
            let now = state.now().0;
            given::fact(state, || CLOCK_TIME_GET, Some(now.cast_signed()));
            // Go's library ends the program where a clock says 0, at which simulations begin.
            memory.put(CLOCK_TIME_GET, to, &now.max(1).saturating_mul(1_000).to_le_bytes())?;
            wasmtime::Result::Ok(errno::SUCCESS)
        })?
        .func_wrap(MODULE, RANDOM_GET, random)?
        .func_wrap(MODULE, FD_WRITE, write)?;
    Ok(())
}

/// An answer that is always the same.
#[inline]
fn fixed(guest: &mut Guest<'_>, answer: i32) -> i32 {
    enter(guest);
    answer
}

fn random(mut guest: Guest<'_>, buf: i32, len: i32) -> wasmtime::Result<i32> {
    let (mut memory, state) = open(&mut guest)?;
    if !(0..=RANDOM_BYTES).contains(&len) {
        return Ok(errno::INVAL);
    }
    given::fact(state, || RANDOM_GET, None);
    for offset in (0..len).step_by(size_of::<u64>()) {
        let drawn = state.rng.draw().to_le_bytes();
        let part = drawn.len().min((len - offset).unsigned_abs() as usize);
        memory.put(RANDOM_GET, buf.wrapping_add(offset), &drawn[..part])?;
    }
    Ok(errno::SUCCESS)
}

fn write(mut guest: Guest<'_>, file: i32, buffers: i32, count: i32, written: i32) -> wasmtime::Result<i32> {
    let (mut memory, state) = open(&mut guest)?;
    let level = match file {
        STDOUT => log_level::INFO,
        STDERR => log_level::WARN,
        _ => return Ok(errno::BADF),
    };
    if !(0..=BUFFERS).contains(&count) {
        return Ok(errno::INVAL);
    }
    let mut line = [0; TEXT_BYTES];
    let (kept, len) = gather(&memory, buffers, count, &mut line)?;
    let text = line[..kept].trim_ascii_end();
    if !text.is_empty() {
        say(state, level, text);
    }
    memory.put(FD_WRITE, written, &len.to_le_bytes())?;
    Ok(errno::SUCCESS)
}

/// Copies what the buffers hold as far as there is room; returns how much that was, and how much they hold.
fn gather(memory: &Memory<'_>, buffers: i32, count: i32, line: &mut [u8]) -> wasmtime::Result<(usize, u32)> {
    let (mut kept, mut len) = (0, 0u32);
    let described = memory.read(FD_WRITE, buffers, count * BUFFER)?;
    for description in described.as_chunks::<{ BUFFER as usize }>().0 {
        let [a, b, c, d, e, f, g, h] = *description;
        let (address, bytes) = (i32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h]));
        let bytes = memory.read(FD_WRITE, address, bytes)?;
        let part = bytes.len().min(line.len() - kept);
        line[kept..kept + part].copy_from_slice(&bytes[..part]);
        kept += part;
        len = len.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    }
    Ok((kept, len))
}
