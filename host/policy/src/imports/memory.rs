//! A guest's memory, as host functions read and write it.

use std::ops::Range;

use pointsman_sdk::abi;
use wasmtime::Caller;

use crate::guest::GuestState;

/// A host function was called in a way that the contract rules out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostRefusal {
    /// The guest passed a range outside its memory.
    #[error("`{function}` was given {len} bytes at address {address}, but the guest's memory ends at {end}")]
    OutsideMemory { function: &'static str, address: u32, len: u32, end: usize },
    /// The guest has no memory to pass ranges of. Admission lets no such guest in.
    #[error("a host function was called before the guest's memory was known")]
    NoMemory,
    /// The function belongs into another hook.
    #[error("`{function}` may be called in `{hook}` only")]
    NotNow { function: &'static str, hook: &'static str },
    /// The guest's language ends the program.
    #[error("the plugin ended itself by `proc_exit({code})`; a policy answers and goes on")]
    Exited { code: i32 },
}

/// The guest's memory and what the host keeps for it, side by side.
#[inline]
pub(super) fn open<'a>(
    caller: &'a mut Caller<'_, GuestState>,
) -> wasmtime::Result<(Memory<'a>, &'a mut GuestState)> {
    let memory = caller.data().memory.ok_or(HostRefusal::NoMemory)?;
    caller.data_mut().watch.host_call()?;
    let (bytes, state) = memory.data_and_store_mut(caller);
    Ok((Memory(bytes), state))
}

/// A guest's memory during one host call.
pub(super) struct Memory<'a>(&'a mut [u8]);

impl Memory<'_> {
    /// What the guest passes as `(ptr, len)`.
    #[inline]
    pub(super) fn read(&self, function: &'static str, ptr: i32, len: i32) -> wasmtime::Result<&[u8]> {
        let range = self.range(function, ptr, len)?;
        Ok(&self.0[range])
    }

    /// Writes bytes to where the guest passes `ptr`.
    pub(super) fn put(&mut self, function: &'static str, ptr: i32, bytes: &[u8]) -> wasmtime::Result<()> {
        let range = self.range(function, ptr, length(bytes.len()))?;
        self.0[range].copy_from_slice(bytes);
        Ok(())
    }

    /// The same as a name to look up; `None` if it can't be one.
    #[inline]
    pub(super) fn read_name(
        &self,
        function: &'static str,
        ptr: i32,
        len: i32,
    ) -> wasmtime::Result<Option<&str>> {
        let name = self.read(function, ptr, len)?;
        // Checked before all of it is read.
        if name.len() > abi::limit::NAME_BYTES {
            return Ok(None);
        }
        Ok(std::str::from_utf8(name).ok())
    }

    /// Fills a buffer that the guest passes as `(buf, cap)`; returns the full length.
    #[inline]
    pub(super) fn write(
        &mut self,
        function: &'static str,
        buf: i32,
        cap: i32,
        bytes: Option<&[u8]>,
    ) -> wasmtime::Result<i32> {
        let range = self.range(function, buf, cap)?;
        let Some(bytes) = bytes else { return Ok(abi::ABSENT) };
        if let Some(place) = self.0[range].get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        }
        Ok(length(bytes.len()))
    }

    /// Fills a buffer with numbers of `N` bytes each; returns the full length.
    pub(super) fn write_column<const N: usize>(
        &mut self,
        function: &'static str,
        buf: i32,
        cap: i32,
        numbers: impl ExactSizeIterator<Item = [u8; N]>,
    ) -> wasmtime::Result<i32> {
        let range = self.range(function, buf, cap)?;
        let len = numbers.len() * N;
        if let Some(place) = self.0[range].get_mut(..len) {
            for (place, number) in place.as_chunks_mut::<N>().0.iter_mut().zip(numbers) {
                *place = number;
            }
        }
        Ok(length(len))
    }

    /// The column of so many numbers that was written there; nothing if it didn't fit.
    pub(super) fn column<const N: usize>(
        &self,
        buf: i32,
        cap: i32,
        count: usize,
    ) -> impl Iterator<Item = [u8; N]> {
        let (start, cap) = (buf.cast_unsigned() as usize, cap.cast_unsigned() as usize);
        let bytes = if count * N <= cap { self.0.get(start..start + count * N) } else { None };
        bytes.unwrap_or_default().as_chunks::<N>().0.iter().copied()
    }

    #[inline]
    fn range(&self, function: &'static str, address: i32, len: i32) -> wasmtime::Result<Range<usize>> {
        let (address, len) = (address.cast_unsigned(), len.cast_unsigned());
        let range = address as usize..address as usize + len as usize;
        if range.end > self.0.len() {
            return Err(HostRefusal::OutsideMemory { function, address, len, end: self.0.len() }.into());
        }
        Ok(range)
    }
}

/// A length as the contract carries it. No length comes near the limit.
#[inline]
pub(super) fn length(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}
