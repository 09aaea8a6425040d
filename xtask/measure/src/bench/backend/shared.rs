//! What the backends' thread and its owner share.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;

use crate::bench::negotiated::Negotiated;

/// What backends speak.
#[derive(Debug, Clone)]
pub(crate) enum BackendSpeech {
    /// HTTP/1.1 in clear.
    Http1,
    /// HTTP/1.1 over TLS.
    Tls(Arc<ServerConfig>),
    /// HTTP/2 in clear; all responses have twelve bytes.
    Http2,
    /// The same, called by gRPC.
    Grpc,
}

/// A request that was kept, to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) head: Vec<u8>,
    /// Over TLS: what its connection has agreed on.
    pub(crate) negotiated: Option<Negotiated>,
}

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
    pub(super) kept: Mutex<Option<Kept>>,
    pub(super) stop: AtomicBool,
}
