//! How much memory and table a guest may have.

use wasmtime::ResourceLimiter;

/// Limits of one guest. Going beyond them is a fault and not a refusal that the guest sees: what allocators do then
/// is trap anyway, and without saying why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuestLimits {
    /// Greatest linear memory, bytes.
    pub(crate) memory: usize,
    /// Most elements of the table.
    pub(crate) table: usize,
}

/// A guest asked for more than it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("asked for {asked} {unit}; it may have {allowed}")]
pub(crate) struct LimitExceeded {
    /// What it asked for.
    pub(crate) asked: usize,
    /// What it may have.
    pub(crate) allowed: usize,
    /// Of what.
    pub(crate) unit: &'static str,
}

impl ResourceLimiter for GuestLimits {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        within(desired, self.memory.min(maximum.unwrap_or(usize::MAX)), "bytes of memory")
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        within(desired, self.table.min(maximum.unwrap_or(usize::MAX)), "table elements")
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }
}

fn within(asked: usize, allowed: usize, unit: &'static str) -> wasmtime::Result<bool> {
    if asked > allowed {
        return Err(LimitExceeded { asked, allowed, unit }.into());
    }
    Ok(true)
}
