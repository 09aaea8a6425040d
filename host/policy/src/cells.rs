//! Numbers that policies keep in the host: they outlive instances, swaps and topologies.
//!
//! Workers and versions of one pool share them. A policy names the layout of its cells (its *schema*); versions that
//! give the same name see the same cells, any other name starts from zero.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pointsman_core::topology::Topology;
use pointsman_sdk::abi::cell_scope::{BACKEND_SLOTS, POOL_SLOTS};

/// Schemas kept per pool. The one that was opened longest ago goes first.
const SCHEMAS: usize = 4;

/// Cells of backends that left are kept until there are this many more than backends.
const DEPARTED_BACKENDS: usize = 1024;

/// Cells in one scope. Aligned to a cache line of its own, so that backends don't slow each other down.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct CellArray<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for CellArray<N> {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }
}

impl<const N: usize> CellArray<N> {
    fn slot(&self, slot: u32) -> Option<&AtomicU64> {
        self.0.get(slot as usize)
    }
}

type PoolCells = CellArray<POOL_SLOTS>;
type BackendCells = CellArray<BACKEND_SLOTS>;

/// All cells of one pool.
#[derive(Default)]
pub struct Cells {
    /// The schema opened last is at the end.
    schemas: Mutex<Vec<(Box<str>, Arc<Schema>)>>,
}

impl Cells {
    /// The cells of a schema; creates them if there are none under this name.
    pub(super) fn open(&self, name: &str) -> Arc<Schema> {
        let mut schemas = lock(&self.schemas);
        let entry = match schemas.iter().position(|(known, _)| **known == *name) {
            Some(place) => schemas.remove(place),
            None => (name.into(), Arc::default()),
        };
        if schemas.len() == SCHEMAS {
            schemas.remove(0);
        }
        let schema = Arc::clone(&entry.1);
        schemas.push(entry);
        schema
    }
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(lock(&self.schemas).iter().map(|(name, _)| name)).finish()
    }
}

/// The cells of one schema.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pool: Arc<PoolCells>,
    backends: Mutex<HashMap<Box<str>, Arc<BackendCells>>>,
}

impl Schema {
    /// The cells that a topology's indexes stand for.
    pub(super) fn resolve(&self, topology: &Topology) -> ResolvedCells {
        let mut known = lock(&self.backends);
        let backends = topology
            .backends()
            .iter()
            .map(|backend| Arc::clone(known.entry(backend.name.clone()).or_default()))
            .collect();
        if known.len() > topology.backends().len() + DEPARTED_BACKENDS {
            // Guests with an older topology hold on to its cells; those that only the map holds belong to departed backends.
            known.retain(|_, cells| Arc::strong_count(cells) > 1);
        }
        ResolvedCells { pool: Arc::clone(&self.pool), backends }
    }
}

/// Cells by index: no lock and no lookup by name.
#[derive(Debug, Clone)]
pub(super) struct ResolvedCells {
    pool: Arc<PoolCells>,
    backends: Box<[Arc<BackendCells>]>,
}

/// Which cell a guest means.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellAddress {
    pub(super) scope: i32,
    pub(super) index: u32,
    pub(super) slot: u32,
}

impl ResolvedCells {
    /// The cell at an address, if there is one.
    #[inline]
    pub(super) fn cell(&self, address: CellAddress) -> Option<Cell<'_>> {
        use pointsman_sdk::abi::cell_scope::{BACKEND, POOL};
        let number = match address.scope {
            POOL => self.pool.slot(address.slot),
            BACKEND => self.backends.get(address.index as usize)?.slot(address.slot),
            _ => None,
        };
        number.map(Cell)
    }
}

/// One cell. Writes become visible in order, so that a policy may publish one cell through another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a>(&'a AtomicU64);

impl Cell<'_> {
    #[inline]
    pub(super) fn get(self) -> i64 {
        self.0.load(Ordering::Acquire).cast_signed()
    }

    #[inline]
    pub(super) fn set(self, value: i64) {
        self.0.store(value.cast_unsigned(), Ordering::Release);
    }

    /// Adds, wrapping; returns the value before.
    #[inline]
    pub(super) fn add(self, delta: i64) -> i64 {
        self.0.fetch_add(delta.cast_unsigned(), Ordering::AcqRel).cast_signed()
    }

    /// Sets if the value is `expected`; returns the value before.
    #[inline]
    pub(super) fn compare_and_set(self, expected: i64, new: i64) -> i64 {
        let (expected, new) = (expected.cast_unsigned(), new.cast_unsigned());
        match self.0.compare_exchange(expected, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(before) | Err(before) => before.cast_signed(),
        }
    }
}

/// Held for map operations only, which leave a consistent map even if one panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::topology;
    use pointsman_sdk::abi::cell_scope::{BACKEND, POOL};

    fn at(scope: i32, index: u32, slot: u32) -> CellAddress {
        CellAddress { scope, index, slot }
    }

    #[test]
    fn cells_follow_the_backend_name_over_topologies() {
        let schema = Cells::default().open("learnt.1");
        let before = schema.resolve(&topology(1, &["a", "b"]));
        before.cell(at(BACKEND, 1, 7)).unwrap().set(42);
        before.cell(at(POOL, 99, 15)).unwrap().set(-1);
        let after = schema.resolve(&topology(2, &["c", "b", "a"]));
        let values: Vec<_> = (0..3).map(|i| after.cell(at(BACKEND, i, 7)).unwrap().get()).collect();
        assert_eq!(values, [0, 42, 0]);
        assert_eq!(after.cell(at(POOL, 0, 15)).unwrap().get(), -1);
    }

    #[test]
    fn unknown_cells_do_not_exist() {
        let cells = Cells::default().open("").resolve(&topology(1, &["a"]));
        for (scope, index, slot) in [(POOL, 0, 16), (BACKEND, 0, 8), (BACKEND, 1, 0), (2, 0, 0), (-1, 0, 0)] {
            assert!(cells.cell(at(scope, index, slot)).is_none(), "{scope} {index} {slot}");
        }
        assert!(cells.cell(at(BACKEND, u32::MAX, u32::MAX)).is_none());
    }

    #[test]
    fn arithmetic_is_atomic_and_wraps() {
        let cells = Cells::default().open("").resolve(&topology(1, &[]));
        let cell = cells.cell(at(POOL, 0, 0)).unwrap();
        assert_eq!((cell.add(i64::MAX), cell.add(1), cell.get()), (0, i64::MAX, i64::MIN));
        assert_eq!(cell.compare_and_set(0, 5), i64::MIN);
        assert_eq!((cell.compare_and_set(i64::MIN, 5), cell.get()), (i64::MIN, 5));
    }

    #[test]
    fn schemas_are_separate_shared_by_name_and_bounded() {
        let cells = Cells::default();
        let none = topology(1, &[]);
        let cell = |name: &str| cells.open(name).resolve(&none).cell(at(POOL, 0, 0)).unwrap().add(1);
        assert_eq!((cell("one"), cell("one"), cell("two")), (0, 1, 0));
        for name in ["3", "4", "5"] {
            cell(name);
        }
        assert_eq!(cell("two"), 1, "among the last four");
        assert_eq!(cell("one"), 0, "forgotten and started from zero");
    }

    #[test]
    fn departed_backends_are_bounded() {
        let schema = Cells::default().open("");
        for generation in 0..(DEPARTED_BACKENDS as u64 + 50) {
            let _ = schema.resolve(&topology(generation, &[&format!("b{generation}")]));
        }
        assert!(lock(&schema.backends).len() <= DEPARTED_BACKENDS + 2);
    }
}
