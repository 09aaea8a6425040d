//! End-to-end tests: the real program, real sockets, port 0, and no sleeps: every wait is for an event, with a deadline.

mod expectations;
mod framing;
mod harness;
mod refused;
mod requests;
mod slow_clients;
mod smoke;
mod trailers;
mod upgrade;
