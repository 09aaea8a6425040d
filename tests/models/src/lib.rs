//! All interleavings of what few threads share, checked by loom.
//!
//! Compiled are the host's own files, with loom's types in place of the standard library's: so nothing else, such as the whole host and its
//! libraries, is built a second time for the models. What a model says is beside the file that it is about, in `models.rs`.

#![cfg(test)]

// The names by which the files of both crates ask for `sync`.
extern crate self as pointsman_core;

pub mod sync;

#[path = "../../../host/core/src/pool/queue.rs"]
pub mod queue;

#[allow(dead_code, reason = "a model needs less than the host")]
#[path = "../../../host/policy/src/slot/mailbox.rs"]
mod mailbox;

#[allow(dead_code, reason = "a model needs less than the host")]
#[path = "../../../host/policy/src/ticker.rs"]
mod ticker;
