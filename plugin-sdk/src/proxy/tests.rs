//! The calls of imports under Miri, which checks each pointer: `cargo +nightly miri test -p pointsman-sdk --lib proxy::`.
//!
//! The functions here are the host's side, found by their names as the linker finds the proxy's. They read all of what they are
//! given to read, and write all of what they are given to write.

use std::slice;

use super::Proxy;
use crate::flags::Flags;
use crate::imports::Imports as _;

/// Fills a buffer as the host does: bytes into linear memory, over what is kept there.
unsafe fn fill(buf: *mut u8, cap: usize) -> i32 {
    for place in 0..cap {
        unsafe { buf.add(place).write(0xa5) };
    }
    i32::try_from(cap).expect("a small buffer")
}

unsafe fn read(ptr: *const u8, len: usize) -> i32 {
    let bytes = unsafe { slice::from_raw_parts(ptr, len) };
    bytes.iter().map(|&byte| i32::from(byte)).sum()
}

/// Exports functions under the names of imports.
macro_rules! host {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty = $body:expr;)*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> $answer {
            $body
        })*
    };
}

host! {
    config(buf: *mut u8, cap: usize) -> i32 = unsafe { fill(buf, cap) };
    fail(ptr: *const u8, len: usize) -> () = assert_eq!(unsafe { read(ptr, len) }, 194);
    state(ptr: *const u8, len: usize) -> () = assert_eq!(unsafe { read(ptr, len) }, 194);
    backend_text(_index: i32, _field: i32, buf: *mut u8, cap: usize) -> i32 = unsafe { fill(buf, cap) };
    backend_label(_index: i32, key: *const u8, key_len: usize, buf: *mut u8, cap: usize) -> i32 = unsafe {
        assert_eq!(read(key, key_len), 194);
        fill(buf, cap)
    };
    weights(buf: *mut u32, cap: usize) -> i32 = unsafe { fill(buf.cast(), cap) };
    all_flags(buf: *mut u32, cap: usize) -> i32 = unsafe { fill(buf.cast(), cap) };
    stats(_kind: i32, buf: *mut u64, cap: usize) -> i32 = unsafe { fill(buf.cast(), cap) };
    request_text(_field: i32, buf: *mut u8, cap: usize) -> i32 = unsafe { fill(buf, cap) };
    header(name: *const u8, name_len: usize, buf: *mut u8, cap: usize) -> i32 = unsafe {
        assert_eq!(read(name, name_len), 194);
        fill(buf, cap)
    };
    client_ip(buf: *mut u8) -> i32 = unsafe { fill(buf, 16) };
    hash(_source: i32, name: *const u8, name_len: usize) -> i64 = i64::from(unsafe { read(name, name_len) });
    log(_level: i32, ptr: *const u8, len: usize) -> () = assert_eq!(unsafe { read(ptr, len) }, 194);
}

/// Bytes 97 and 97, 194 together.
const TEXT: &str = "aa";

#[test]
fn buffers_are_written_to_their_end_and_no_further() {
    for size in [0, 1, 7, 64] {
        let mut bytes = vec![0_u8; size];
        let mut check = |call: &dyn Fn(&mut [u8]) -> i32| {
            bytes.fill(0);
            assert_eq!(call(&mut bytes), i32::try_from(size).expect("a small buffer"));
            assert!(bytes.iter().all(|&byte| byte == 0xa5));
        };
        check(&|buf| Proxy.config(buf));
        check(&|buf| Proxy.backend_text(0, 0, buf));
        check(&|buf| Proxy.backend_label(0, TEXT, buf));
        check(&|buf| Proxy.request_text(0, buf));
        check(&|buf| Proxy.header(TEXT, buf));
    }
    let mut ip = [0; 16];
    assert_eq!((Proxy.client_ip(&mut ip), ip), (16, [0xa5; 16]));
}

#[test]
fn columns_are_written_in_bytes() {
    let (mut weights, mut flags, mut stats) = ([0_u32; 3], [Flags::default(); 3], [0_u64; 3]);
    assert_eq!(Proxy.weights(&mut weights), 12);
    assert_eq!(Proxy.all_flags(&mut flags), 12);
    assert_eq!(Proxy.stats(0, &mut stats), 24);
    assert_eq!((weights, stats), ([0xa5a5_a5a5; 3], [0xa5a5_a5a5_a5a5_a5a5; 3]));
    assert_eq!((Proxy.weights(&mut []), Proxy.all_flags(&mut []), Proxy.stats(0, &mut [])), (0, 0, 0));
}

#[test]
fn texts_are_read_to_their_end() {
    Proxy.fail(TEXT);
    Proxy.state(TEXT);
    Proxy.log(0, TEXT);
    assert_eq!(Proxy.hash(0, TEXT), 194);
    assert_eq!(Proxy.hash(0, ""), 0);
}
