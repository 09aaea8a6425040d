//! What is counted for the operator, and only for that: policies read none of it.
//!
//! Each worker counts in plain cells of its own and [tells](crate::local::Local::tell) what all workers share several times a second:
//! a shared counter would cost each request ten times as much, and more with every worker.

mod answers;
mod backend;
mod cell;
mod histogram;
mod http2;
mod labels;
mod listener;
mod mirror;
mod pool;
mod quantile;
mod session;
mod tls;

pub use answers::{AnswerCells, Answers, GIVEN_UP};
pub use backend::{BackendCells, BackendCounts, FailureKind};
pub use cell::Count;
pub use histogram::{Bounds, Distribution, Histogram, HistogramCells};
pub use http2::{Http2Cells, Http2Counts, ResetSide};
pub use labels::{CALL_STATUSES, ERRORS, GOAWAYS, REFUSALS, RESET_CODES};
pub use listener::{ListenerCells, ListenerCounts};
pub use mirror::{MirrorCounts, MirrorEnd, OpenMirror};
pub use pool::{CLASSES, OpenTunnel, PoolCells, PoolCounts};
pub use quantile::quantile;
pub use session::SessionResult;
pub use tls::TlsFailure;
