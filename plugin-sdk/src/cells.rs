//! State that outlives an instance: 64-bit atomic numbers that the host keeps.
//!
//! Guest memory is one worker's cache, and a swap throws it away. What all workers must see, or what must survive
//! a swap or a topology change, goes into a *cell*: 16 for the pool, and 8 for each backend, kept under its
//! name. All start at 0. Their meaning is named by [`Policy::STATE`](crate::Policy::STATE).
//!
//! ```
//! use pointsman_sdk::cells;
//! use pointsman_sdk::testing::TestHost;
//!
//! TestHost::new().backend("a").run(|_| {
//!     let turn = cells::pool(0);
//!     assert_eq!(turn.add(1), 0);
//!     assert_eq!(turn.get(), 1);
//!
//!     let share = cells::backend(0, 3);
//!     share.set_f64(0.25);
//!     assert_eq!(share.get_f64(), 0.25);
//! });
//! ```

use crate::abi::cell_scope;
use crate::imports::number;
use crate::link::host;

/// How often [`Cell::update_f64`] starts over after another worker's update before it overwrites one.
const UPDATE_ROUNDS: usize = 16;

/// The pool's cell `slot`, below [`POOL_SLOTS`](crate::abi::cell_scope::POOL_SLOTS).
///
/// ```
/// # use pointsman_sdk::{cells, testing::TestHost};
/// # TestHost::new().run(|_| {
/// cells::pool(15).set(-7);
/// assert_eq!(cells::pool(15).get(), -7);
/// cells::pool(16).set(-7);
/// assert_eq!(cells::pool(16).get(), 0, "there is no such cell");
/// # });
/// ```
#[must_use]
pub fn pool(slot: usize) -> Cell {
    Cell { scope: cell_scope::POOL, index: 0, slot: number(slot) }
}

/// Cell `slot` of a backend, below [`BACKEND_SLOTS`](crate::abi::cell_scope::BACKEND_SLOTS).
///
/// The value is kept under the backend's name: it is found again after a topology change, under whatever index
/// the backend then has.
#[must_use]
pub fn backend(index: usize, slot: usize) -> Cell {
    Cell { scope: cell_scope::BACKEND, index: number(index), slot: number(slot) }
}

/// A cell. A cell that does not exist reads 0 and keeps nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    scope: i32,
    index: i32,
    slot: i32,
}

impl Cell {
    /// The value.
    #[must_use]
    pub fn get(&self) -> i64 {
        host().cell_get(self.scope, self.index, self.slot)
    }

    /// Sets the value.
    pub fn set(&self, value: i64) {
        host().cell_set(self.scope, self.index, self.slot, value);
    }

    /// Adds, wrapping around, and returns the value before.
    pub fn add(&self, delta: i64) -> i64 {
        host().cell_add(self.scope, self.index, self.slot, delta)
    }

    /// Sets the value to `new` if it is `expected`.
    ///
    /// # Errors
    ///
    /// The value found, if it is another one. Nothing is set then.
    ///
    /// ```
    /// # use pointsman_sdk::{cells, testing::TestHost};
    /// # TestHost::new().run(|_| {
    /// let first = cells::pool(0);
    /// assert_eq!(first.cas(0, 42), Ok(()));
    /// assert_eq!(first.cas(0, 43), Err(42));
    /// # });
    /// ```
    pub fn cas(&self, expected: i64, new: i64) -> Result<(), i64> {
        match host().cell_cas(self.scope, self.index, self.slot, expected, new) {
            found if found == expected => Ok(()),
            found => Err(found),
        }
    }

    /// The value as a floating-point number. A fresh cell reads 0.0.
    #[must_use]
    pub fn get_f64(&self) -> f64 {
        f64::from_bits(self.get().cast_unsigned())
    }

    /// Sets the value to a floating-point number.
    pub fn set_f64(&self, value: f64) {
        self.set(value.to_bits().cast_signed());
    }

    /// Replaces a floating-point number by `change` of it and returns the new one.
    ///
    /// No other worker's change is lost, unless others keep interfering; then the last one wins.
    ///
    /// ```
    /// # use pointsman_sdk::{cells, testing::TestHost};
    /// # TestHost::new().backend("a").run(|_| {
    /// let latency = cells::backend(0, 0);
    /// for sample in [8.0, 8.0] {
    ///     latency.update_f64(|average| average + 0.5 * (sample - average));
    /// }
    /// assert_eq!(latency.get_f64(), 6.0);
    /// # });
    /// ```
    pub fn update_f64(&self, mut change: impl FnMut(f64) -> f64) -> f64 {
        let mut bits = self.get();
        for _ in 0..UPDATE_ROUNDS {
            let new = change(f64::from_bits(bits.cast_unsigned()));
            match self.cas(bits, new.to_bits().cast_signed()) {
                Ok(()) => return new,
                Err(found) => bits = found,
            }
        }
        let new = change(f64::from_bits(bits.cast_unsigned()));
        self.set_f64(new);
        new
    }
}
