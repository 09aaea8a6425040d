//! End-to-end tests: the real program, real sockets, port 0, and no sleeps: every wait is for an event, with a deadline.

mod aborts;
mod admin;
mod backends;
mod bad_backends;
mod bodies;
mod commands;
mod configuration;
mod connections;
mod demo;
mod draining;
mod expectations;
mod forwarding;
mod framing;
mod harness;
mod hostile;
mod policies;
mod refused;
mod requests;
mod responses;
mod reuse;
mod route_policies;
mod slow_clients;
mod smoke;
mod swap;
mod trailers;
mod upgrade;
