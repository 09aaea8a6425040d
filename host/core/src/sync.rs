//! What threads share, where `tests/models` checks all interleavings: the standard library's types, in whose place it puts those of loom.

pub use std::{
    sync::{Mutex, MutexGuard, atomic},
    thread,
};
