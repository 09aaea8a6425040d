//! The functions of [`abi::import`](crate::abi::import) as safe Rust.

use crate::flags::Flags;

/// One method per import, under the import's name. What the numbers mean is said in [`abi`](crate::abi).
///
/// Buffers are slices here: their length is the `cap` of the contract, in bytes.
pub(crate) trait Imports {
    fn config(&self, buf: &mut [u8]) -> i32;
    fn fail(&self, text: &str);
    fn state(&self, name: &str);

    fn backend_count(&self) -> i32;
    fn backend_text(&self, index: i32, field: i32, buf: &mut [u8]) -> i32;
    fn backend_label(&self, index: i32, key: &str, buf: &mut [u8]) -> i32;
    fn weight(&self, index: i32) -> i32;
    fn weights(&self, buf: &mut [u32]) -> i32;
    fn configured_weight(&self, index: i32) -> i32;
    fn flags(&self, index: i32) -> i32;
    fn all_flags(&self, buf: &mut [Flags]) -> i32;

    fn stat(&self, kind: i32, index: i32) -> i64;
    fn stats(&self, kind: i32, buf: &mut [u64]) -> i32;

    fn request_text(&self, field: i32, buf: &mut [u8]) -> i32;
    fn header(&self, name: &str, buf: &mut [u8]) -> i32;
    fn client_ip(&self, buf: &mut [u8; 16]) -> i32;
    fn hash(&self, source: i32, name: &str) -> i64;
    fn attempt(&self) -> i32;
    fn tried(&self, index: i32) -> i32;

    fn cell_get(&self, scope: i32, index: i32, slot: i32) -> i64;
    fn cell_set(&self, scope: i32, index: i32, slot: i32, value: i64);
    fn cell_add(&self, scope: i32, index: i32, slot: i32, delta: i64) -> i64;
    fn cell_cas(&self, scope: i32, index: i32, slot: i32, expected: i64, new: i64) -> i64;

    fn now_us(&self) -> i64;
    fn random(&self) -> i64;
    fn log(&self, level: i32, text: &str);
    fn tick_every(&self, ms: i32);
}

/// An index or a slot as the contract carries it; one that does not fit becomes an unknown one.
pub(crate) fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(-1)
}
