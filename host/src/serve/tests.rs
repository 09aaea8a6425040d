//! The path of a request, in process: the gate, the server, the path and the backend's side over streams in memory, on a
//! clock that is moved by hand.

mod bodies;
mod challenges;
mod costs;
mod early_hints;
mod ends;
mod error_pages;
mod exchange_limits;
mod explanations;
mod failures;
mod header_rules;
mod http2;
mod idle;
mod limits;
mod model;
mod pipelining;
mod records;
mod redirects;
mod refusals;
mod request_ids;
mod responds;
mod rewrites;
mod script;
mod traces;
mod upgrades;
mod world;
