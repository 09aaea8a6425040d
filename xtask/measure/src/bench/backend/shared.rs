//! What the backends' thread and its owner share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// State that the thread and its owner share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Whole requests, by backend.
    pub(super) requests: Vec<AtomicU64>,
    /// Connections accepted.
    pub(super) connections: AtomicU64,
    /// Requests that weren't understood, and connections that ended within one.
    pub(super) faults: AtomicU64,
    /// Whether the next head is to be kept.
    pub(super) wanted: AtomicBool,
    pub(super) head: Mutex<Option<Vec<u8>>>,
    pub(super) stop: AtomicBool,
}
