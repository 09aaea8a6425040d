//! What threads share, as `pointsman_core::sync` has it: loom's types.

pub use loom::sync::{Mutex, MutexGuard};

/// loom's threads, for which time doesn't pass: a sleep may end at once.
pub mod thread {
    use std::time::Duration;

    pub use loom::thread::{Builder, JoinHandle, Thread, park, spawn, yield_now};

    /// Lets others go on.
    pub fn sleep(_: Duration) {
        yield_now();
    }

    /// Lets others go on: the time may be over at once.
    pub fn park_timeout(_: Duration) {
        yield_now();
    }
}

/// loom's atomics, in which `SeqCst` is one order of all such accesses.
///
/// loom itself takes such an access for an acquire and release, and models the one order for fences alone. So a fence leads each of
/// them, which is how compilers keep that order on machines with weak memory.
pub mod atomic {
    pub use loom::sync::atomic::{Ordering, fence};

    /// Before an access of this order.
    fn lead(order: Ordering) {
        if order == Ordering::SeqCst {
            fence(Ordering::SeqCst);
        }
    }

    macro_rules! atomic {
        ($name:ident, $value:ty) => {
            /// As in the standard library.
            #[derive(Debug, Default)]
            pub struct $name(loom::sync::atomic::$name);

            #[allow(missing_docs, reason = "as in the standard library")]
            impl $name {
                #[must_use]
                pub fn new(value: $value) -> Self {
                    Self(loom::sync::atomic::$name::new(value))
                }

                pub fn load(&self, order: Ordering) -> $value {
                    lead(order);
                    self.0.load(order)
                }

                pub fn store(&self, value: $value, order: Ordering) {
                    lead(order);
                    match order {
                        // loom doesn't always know which of two stores is the later one; a swap is later than what it finds.
                        Ordering::SeqCst => drop(self.0.swap(value, Ordering::Release)),
                        _ => self.0.store(value, order),
                    }
                }

                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    lead(order);
                    self.0.swap(value, order)
                }

                pub fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    lead(success);
                    self.0.compare_exchange(current, new, success, failure)
                }
            }
        };
        ($name:ident, $value:ty, arithmetic) => {
            atomic!($name, $value);

            #[allow(missing_docs, reason = "as in the standard library")]
            impl $name {
                pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                    lead(order);
                    self.0.fetch_add(value, order)
                }

                pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                    lead(order);
                    self.0.fetch_sub(value, order)
                }
            }
        };
    }

    atomic!(AtomicBool, bool);
    atomic!(AtomicU8, u8, arithmetic);
    atomic!(AtomicU64, u64, arithmetic);
    atomic!(AtomicUsize, usize, arithmetic);
}
