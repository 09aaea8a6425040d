//! The proxy as the guest calls it.
//!
//! This is the only file of the project with `unsafe` code in it, beside the names that [`guest`](crate::guest) exports. Calling an
//! import is unsafe because the host writes to an address that it is given; each call below hands out the address and size of one
//! slice that is borrowed for as long as the call takes.
#![allow(unsafe_code, reason = "WebAssembly imports; see the head of this file")]
#![cfg_attr(miri, allow(dead_code, unreachable_pub, reason = "only plugins report their panics"))]

use crate::abi::log_level;
use crate::flags::Flags;
use crate::imports::Imports;
use crate::line::Line;
use std::fmt::Write as _;
use std::panic::{self, PanicHookInfo};

/// ABI 1.0 as the linker sees it: [`crate::abi::import`] says what each function does.
mod raw {
    #[cfg_attr(target_arch = "wasm32", link(wasm_import_module = "pointsman_1.0"))]
    unsafe extern "C" {
        pub(super) fn config(buf: *mut u8, cap: usize) -> i32;
        pub(super) fn fail(ptr: *const u8, len: usize);
        pub(super) fn state(ptr: *const u8, len: usize);
        pub(super) safe fn backend_count() -> i32;
        pub(super) fn backend_text(index: i32, field: i32, buf: *mut u8, cap: usize) -> i32;
        pub(super) fn backend_label(
            index: i32,
            key: *const u8,
            key_len: usize,
            buf: *mut u8,
            cap: usize,
        ) -> i32;
        pub(super) safe fn weight(index: i32) -> i32;
        pub(super) fn weights(buf: *mut u32, cap: usize) -> i32;
        pub(super) safe fn configured_weight(index: i32) -> i32;
        pub(super) safe fn flags(index: i32) -> i32;
        pub(super) fn all_flags(buf: *mut u32, cap: usize) -> i32;
        pub(super) safe fn stat(kind: i32, index: i32) -> i64;
        pub(super) fn stats(kind: i32, buf: *mut u64, cap: usize) -> i32;
        pub(super) fn request_text(field: i32, buf: *mut u8, cap: usize) -> i32;
        pub(super) fn header(name: *const u8, name_len: usize, buf: *mut u8, cap: usize) -> i32;
        pub(super) fn client_ip(buf: *mut u8) -> i32;
        pub(super) fn hash(source: i32, name: *const u8, name_len: usize) -> i64;
        pub(super) safe fn attempt() -> i32;
        pub(super) safe fn tried(index: i32) -> i32;
        pub(super) safe fn cell_get(scope: i32, index: i32, slot: i32) -> i64;
        pub(super) safe fn cell_set(scope: i32, index: i32, slot: i32, value: i64);
        pub(super) safe fn cell_add(scope: i32, index: i32, slot: i32, delta: i64) -> i64;
        pub(super) safe fn cell_cas(scope: i32, index: i32, slot: i32, expected: i64, new: i64) -> i64;
        pub(super) safe fn now_us() -> i64;
        pub(super) safe fn random() -> i64;
        pub(super) fn log(level: i32, ptr: *const u8, len: usize);
        pub(super) safe fn tick_every(ms: i32);
    }
}

/// The proxy that runs this plugin.
pub(crate) struct Proxy;

// SAFETY of every block below: each pointer comes with the size of its slice in bytes, the borrow lasts
// until the call returns, and the host touches nothing outside. What it writes are bytes and
// integers (and `Flags`, which is a transparent `u32`), for which every bit pattern is valid.
impl Imports for Proxy {
    fn config(&self, buf: &mut [u8]) -> i32 {
        unsafe { raw::config(buf.as_mut_ptr(), buf.len()) }
    }

    fn fail(&self, text: &str) {
        unsafe { raw::fail(text.as_ptr(), text.len()) }
    }

    fn state(&self, name: &str) {
        unsafe { raw::state(name.as_ptr(), name.len()) }
    }

    fn backend_count(&self) -> i32 {
        raw::backend_count()
    }

    fn backend_text(&self, index: i32, field: i32, buf: &mut [u8]) -> i32 {
        unsafe { raw::backend_text(index, field, buf.as_mut_ptr(), buf.len()) }
    }

    fn backend_label(&self, index: i32, key: &str, buf: &mut [u8]) -> i32 {
        unsafe { raw::backend_label(index, key.as_ptr(), key.len(), buf.as_mut_ptr(), buf.len()) }
    }

    fn weight(&self, index: i32) -> i32 {
        raw::weight(index)
    }

    fn weights(&self, buf: &mut [u32]) -> i32 {
        unsafe { raw::weights(buf.as_mut_ptr(), size_of_val(buf)) }
    }

    fn configured_weight(&self, index: i32) -> i32 {
        raw::configured_weight(index)
    }

    fn flags(&self, index: i32) -> i32 {
        raw::flags(index)
    }

    fn all_flags(&self, buf: &mut [Flags]) -> i32 {
        unsafe { raw::all_flags(buf.as_mut_ptr().cast(), size_of_val(buf)) }
    }

    fn stat(&self, kind: i32, index: i32) -> i64 {
        raw::stat(kind, index)
    }

    fn stats(&self, kind: i32, buf: &mut [u64]) -> i32 {
        unsafe { raw::stats(kind, buf.as_mut_ptr(), size_of_val(buf)) }
    }

    fn request_text(&self, field: i32, buf: &mut [u8]) -> i32 {
        unsafe { raw::request_text(field, buf.as_mut_ptr(), buf.len()) }
    }

    fn header(&self, name: &str, buf: &mut [u8]) -> i32 {
        unsafe { raw::header(name.as_ptr(), name.len(), buf.as_mut_ptr(), buf.len()) }
    }

    fn client_ip(&self, buf: &mut [u8; 16]) -> i32 {
        unsafe { raw::client_ip(buf.as_mut_ptr()) }
    }

    fn hash(&self, source: i32, name: &str) -> i64 {
        unsafe { raw::hash(source, name.as_ptr(), name.len()) }
    }

    fn attempt(&self) -> i32 {
        raw::attempt()
    }

    fn tried(&self, index: i32) -> i32 {
        raw::tried(index)
    }

    fn cell_get(&self, scope: i32, index: i32, slot: i32) -> i64 {
        raw::cell_get(scope, index, slot)
    }

    fn cell_set(&self, scope: i32, index: i32, slot: i32, value: i64) {
        raw::cell_set(scope, index, slot, value);
    }

    fn cell_add(&self, scope: i32, index: i32, slot: i32, delta: i64) -> i64 {
        raw::cell_add(scope, index, slot, delta)
    }

    fn cell_cas(&self, scope: i32, index: i32, slot: i32, expected: i64, new: i64) -> i64 {
        raw::cell_cas(scope, index, slot, expected, new)
    }

    fn now_us(&self) -> i64 {
        raw::now_us()
    }

    fn random(&self) -> i64 {
        raw::random()
    }

    fn log(&self, level: i32, text: &str) {
        unsafe { raw::log(level, text.as_ptr(), text.len()) }
    }

    fn tick_every(&self, ms: i32) {
        raw::tick_every(ms);
    }
}

/// Reports the message of a panic to the host, before the trap that a panic is on this target.
pub fn report_panics() {
    panic::set_hook(Box::new(last_words));
}

/// Formats into a buffer on the stack: a panic may come from a heap that is full or broken.
fn last_words(panic: &PanicHookInfo<'_>) {
    let mut line = Line::<512>::new();
    // Writing fails when the line is full; what fits is reported.
    let payload = panic.payload();
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let _ = line.write_str(message.unwrap_or("panic"));
    if let Some(place) = panic.location() {
        let _ = line.write_str(" at ").and_then(|()| line.write_str(place.file()));
        let _ = write!(line, ":{}", place.line());
    }
    Proxy.log(log_level::PANIC, line.as_str());
}

#[cfg(all(test, miri))]
mod tests;
