//! Fault injection: what becomes of requests under load while backends die, hang, lie and come back. Each test states how
//! many requests were sent, how many failed and how long the slowest took.

#[path = "../e2e/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the end-to-end tests, which use all of it")]
mod harness;

mod all_down;
mod bad_responses;
mod dying;
mod idle_clients;
mod load;
mod lossy;
mod process;
mod silent;
