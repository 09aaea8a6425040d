//! Pointsman: a programmable HTTP reverse proxy and load balancer.
//!
//! The decision which backend gets a request is a WebAssembly *policy*; see the `pointsman-sdk` crate for how to write
//! one. This library is the proxy itself, on top of `pointsman-core` and `pointsman-policy`; `host/ARCHITECTURE.md` says where
//! things are and why.

#![forbid(unsafe_code)]

pub mod access_log;
pub mod acme;
pub mod admin;
pub mod app;
pub mod cli;
pub mod compression;
pub mod config;
pub mod console;
pub mod control;
pub mod ctl;
pub mod dashboard;
pub mod deadline;
pub mod demo;
pub mod discovery;
pub mod downstream;
pub mod drain;
pub mod error_pages;
pub mod folder;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod grpc;
pub mod health;
pub mod http_challenge;
pub mod ids;
pub mod import;
pub mod insight;
pub mod line_writer;
pub mod listener;
pub mod log;
pub mod metrics;
pub mod open_files;
pub mod proxy;
pub mod proxy_protocol;
pub mod regular_file;
pub mod reports;
pub mod serve;
pub mod socket;
pub mod sticky;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod upstream;
pub mod weighted;
pub mod whole_file;
pub mod worker;
