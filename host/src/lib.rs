//! Pointsman: a programmable HTTP reverse proxy and load balancer.
//!
//! The decision which backend gets a request is a WebAssembly *policy*; see the `pointsman-sdk` crate for how to write
//! one. This library is the proxy itself; `host/ARCHITECTURE.md` says where things are and why.

#![forbid(unsafe_code)]

pub mod app;
pub mod backend;
pub mod burst;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod control;
pub mod deadline;
pub mod demo;
pub mod descriptors;
pub mod discovery;
pub mod downstream;
pub mod drain;
pub mod health;
pub mod listener;
pub mod log;
pub mod policy;
pub mod pool;
pub mod printable;
pub mod proxy;
pub mod rate_limit;
pub mod regular_file;
pub mod request;
pub mod route;
pub mod serve;
#[cfg(test)]
mod testing;
pub mod topology;
pub mod upstream;
pub mod worker;
