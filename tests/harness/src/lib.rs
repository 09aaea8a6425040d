//! What tests are made of: the proxy as a process, backends and clients that speak in plain bytes, guests written as text.
//!
//! It knows the program from outside only, and so isn't built anew when the host changes.

mod addresses;
mod backend;
mod client;
mod dns;
pub mod frames;
mod guest;
mod http;
mod http2;
mod http2_client;
mod latch;
mod load;
mod log;
mod proxy;
mod setup;
mod tls;
mod waiting;

pub use addresses::{nobody, own_address};
pub use backend::{Backend, Exchange};
pub use client::Client;
pub use dns::{Asked, Dns, Mood};
pub use guest::{choose, constant, guest, revised, version};
pub use http::{Request, Response};
pub use http2::{Http2Backend, Http2Exchange, send_body};
pub use http2_client::{Http2Client, Http2Response, is_unserved};
pub use latch::Latch;
pub use load::{Running, keep_busy};
pub use log::{Log, LogLine};
pub use proxy::{Proxy, program, send_signal};
pub use setup::Setup;
pub use tls::{
    Authority, Cryptography, Issued, Leaf, Then, Tls, TlsBackend, TlsClient, TlsReader, respond, send,
};
pub use waiting::{DEADLINE, LONG_ENOUGH_TO_PARK, sleep, wait_until};
