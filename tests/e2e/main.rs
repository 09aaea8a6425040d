//! End-to-end tests: the real program, real sockets, port 0, and no sleeps: every wait is for an event, with a deadline.

mod declined_upgrade;
mod harness;
mod hostile;
mod policies;
mod route_policies;
mod smoke;
mod swap;
