//! Fault injection: what becomes of requests under load while backends die, hang, lie and come back. Each test states how
//! many requests were sent, how many failed and how long the slowest took.

mod all_down;
mod bad_responses;
mod dying;
mod http2_clients;
mod idle_clients;
mod idle_tls_clients;
mod junk_handshakes;
mod load;
mod lossy;
mod process;
mod silent;
