//! A host that never changes and costs next to nothing, to measure what a policy itself takes.

use std::cell::Cell;
use std::rc::Rc;

use crate::abi::{ABSENT, cell_scope, flag, stat};
use crate::imports::Imports;
use crate::link::with_host;
use crate::{Backends, Flags, Request};

/// Backends that are all eligible and of one weight, with a given number of requests in flight each; one request, which has
/// tried none.
///
/// Each answer is read from an array, or a constant. There are no texts, and hashes and random numbers are always the same.
#[derive(Debug)]
pub struct FixedHost {
    in_flight: Box<[u64]>,
    flags: Box<[u32]>,
    weights: Box<[u32]>,
    /// Cells of the pool, then those of each backend.
    cells: Box<[Cell<i64>]>,
}

impl FixedHost {
    /// A host of these backends.
    #[must_use]
    pub fn new(in_flight: impl IntoIterator<Item = u64>) -> Rc<Self> {
        let in_flight: Box<[u64]> = in_flight.into_iter().collect();
        let backends = in_flight.len();
        Rc::new(Self {
            flags: vec![flag::ELIGIBLE | flag::HEALTHY; backends].into(),
            weights: vec![crate::abi::WEIGHT_UNIT; backends].into(),
            cells: vec![Cell::new(0); cell_scope::POOL_SLOTS + backends * cell_scope::BACKEND_SLOTS].into(),
            in_flight,
        })
    }

    /// Runs `call` as if it were a pick.
    pub fn ask<R>(self: &Rc<Self>, call: impl FnOnce(&Request, &Backends) -> R) -> R {
        let host: Rc<dyn Imports> = Rc::clone(self) as _;
        with_host(host, || call(&Request::current(), &Backends::current()))
    }

    fn cell(&self, scope: i32, index: i32, slot: i32) -> Option<&Cell<i64>> {
        let slot = usize::try_from(slot).ok()?;
        let first = match scope {
            cell_scope::POOL => 0,
            _ => cell_scope::POOL_SLOTS + usize::try_from(index).ok()? * cell_scope::BACKEND_SLOTS,
        };
        self.cells.get(first + slot)
    }
}

/// Copies a column if there is room for it; returns its length in bytes.
fn copied<T: Copy>(column: &[T], buf: &mut [T]) -> i32 {
    if let Some(buf) = buf.get_mut(..column.len()) {
        buf.copy_from_slice(column);
    }
    i32::try_from(size_of_val(column)).unwrap_or(i32::MAX)
}

/// A number that all backends have.
fn same(kind: i32) -> u64 {
    // None has failed: a failure of just now would be another way through most policies.
    if kind == stat::MS_SINCE_FAILURE { u64::MAX } else { 0 }
}

fn at<T: Copy + Default>(column: &[T], index: i32) -> T {
    usize::try_from(index).ok().and_then(|index| column.get(index)).copied().unwrap_or_default()
}

impl Imports for FixedHost {
    fn config(&self, buf: &mut [u8]) -> i32 {
        copied(b"{}", buf)
    }

    fn fail(&self, _: &str) {}

    fn state(&self, _: &str) {}

    fn backend_count(&self) -> i32 {
        self.in_flight.len() as i32
    }

    fn backend_text(&self, _: i32, _: i32, _: &mut [u8]) -> i32 {
        0
    }

    fn backend_label(&self, _: i32, _: &str, _: &mut [u8]) -> i32 {
        ABSENT
    }

    fn weight(&self, index: i32) -> i32 {
        at(&self.weights, index).cast_signed()
    }

    fn weights(&self, buf: &mut [u32]) -> i32 {
        copied(&self.weights, buf)
    }

    fn configured_weight(&self, index: i32) -> i32 {
        self.weight(index)
    }

    fn flags(&self, index: i32) -> i32 {
        at(&self.flags, index).cast_signed()
    }

    fn all_flags(&self, buf: &mut [Flags]) -> i32 {
        for (place, bits) in buf.iter_mut().zip(&self.flags) {
            *place = Flags::from_bits(*bits);
        }
        i32::try_from(size_of_val(&*self.flags)).unwrap_or(i32::MAX)
    }

    fn stat(&self, kind: i32, index: i32) -> i64 {
        if kind == stat::IN_FLIGHT {
            at(&self.in_flight, index).cast_signed()
        } else {
            same(kind).cast_signed()
        }
    }

    fn stats(&self, kind: i32, buf: &mut [u64]) -> i32 {
        if kind != stat::IN_FLIGHT {
            buf.fill(same(kind));
            return i32::try_from(size_of_val(&*self.in_flight)).unwrap_or(i32::MAX);
        }
        copied(&self.in_flight, buf)
    }

    fn request_text(&self, _: i32, _: &mut [u8]) -> i32 {
        ABSENT
    }

    fn header(&self, _: &str, _: &mut [u8]) -> i32 {
        ABSENT
    }

    fn client_ip(&self, buf: &mut [u8; 16]) -> i32 {
        *buf = [0; 16];
        6
    }

    fn hash(&self, _: i32, _: &str) -> i64 {
        0x9e37_79b9_7f4a_7c15_u64.cast_signed()
    }

    fn attempt(&self) -> i32 {
        0
    }

    fn tried(&self, _: i32) -> i32 {
        0
    }

    fn cell_get(&self, scope: i32, index: i32, slot: i32) -> i64 {
        self.cell(scope, index, slot).map_or(0, Cell::get)
    }

    fn cell_set(&self, scope: i32, index: i32, slot: i32, value: i64) {
        if let Some(cell) = self.cell(scope, index, slot) {
            cell.set(value);
        }
    }

    fn cell_add(&self, scope: i32, index: i32, slot: i32, delta: i64) -> i64 {
        self.cell(scope, index, slot).map_or(0, |cell| cell.replace(cell.get().wrapping_add(delta)))
    }

    fn cell_cas(&self, scope: i32, index: i32, slot: i32, expected: i64, new: i64) -> i64 {
        let before = self.cell_get(scope, index, slot);
        if before == expected {
            self.cell_set(scope, index, slot, new);
        }
        before
    }

    fn now_us(&self) -> i64 {
        1_000_000
    }

    fn random(&self) -> i64 {
        0x1234_5678_9abc_def0
    }

    fn log(&self, _: i32, _: &str) {}

    fn tick_every(&self, _: i32) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stat;

    #[test]
    fn it_answers_what_it_was_given() {
        FixedHost::new([3, 1, 2]).ask(|request, backends| {
            assert_eq!(backends.len(), 3);
            assert!(backends.eligible(2) && !request.tried(2));
            assert_eq!(backends.stat(Stat::InFlight, 1), 1);
        });
    }
}
