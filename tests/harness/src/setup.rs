//! A configuration of one listener and one pool, of which a test states what matters to it.

use std::net::SocketAddr;

use super::{Backend, Proxy};

/// What goes into the configuration; the rest is what most tests need.
#[derive(Debug)]
pub struct Setup<'a> {
    /// Event loops.
    pub workers: usize,
    /// Lines at the top.
    pub top: &'a str,
    /// Lines of the listener.
    pub listener: &'a str,
    /// The pool's policy as it stands in the file, with its quotes.
    pub policy: &'a str,
    /// Lines of the pool.
    pub pool: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { workers: 2, top: "", listener: "", policy: "\"round-robin\"", pool: "" }
    }
}

impl Setup<'_> {
    /// Starts a proxy in front of these backends, which are named b0, b1 and so on.
    pub fn start(&self, backends: &[&Backend]) -> Proxy {
        let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address()).collect();
        self.start_at(&addresses)
    }

    /// Starts a proxy in front of these addresses, where there may be no backend.
    pub fn start_at(&self, addresses: &[SocketAddr]) -> Proxy {
        Proxy::start(&self.configuration(addresses))
    }

    /// Starts a proxy whose policy `file = "mine.wasm"` is this one.
    pub fn start_with_policy(&self, policy: &[u8], backends: &[&Backend]) -> Proxy {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("mine.wasm"), policy).expect("a plugin file");
        let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address()).collect();
        let with_file = Setup { policy: "{ file = \"mine.wasm\" }", ..*self };
        Proxy::start_in(directory, &with_file.configuration(&addresses))
    }

    /// The configuration with backends at these addresses, where there may be none.
    pub fn configuration(&self, backends: &[SocketAddr]) -> String {
        let list: Vec<String> = backends
            .iter()
            .enumerate()
            .map(|(place, address)| format!("{{ name = \"b{place}\", address = \"{address}\" }}"))
            .collect();
        let Self { workers, top, listener, policy, pool } = self;
        format!(
            "workers = {workers}\n{top}\n[[listener]]\naddress = \"127.0.0.1:0\"\n{listener}\n\
             [pool.test]\npolicy = {policy}\nbackends = [{}]\n{pool}\n",
            list.join(", ")
        )
    }
}

impl Proxy {
    /// Starts with one listener and one pool of these backends; `more` goes to the end of the pool's section.
    pub fn with_pool(policy: &str, backends: &[&Backend], more: &str) -> Self {
        Setup { policy, pool: more, ..Setup::default() }.start(backends)
    }
}
