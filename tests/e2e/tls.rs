//! TLS towards clients.

mod check;
mod choice;
mod client_auth;
mod clients;
mod connections;
mod handshakes;
mod redirect;
mod renewal;
mod replacement;
mod tickets;
mod tunnels;

use std::path::Path;

use harness::{Authority, Backend, Issued, Leaf, Proxy, Setup, Tls};
use tempfile::TempDir;

/// A listener with the certificate `site`.
const SITE: &str = "[listener.tls]\ncertificates = [{ cert = 'site.crt', key = 'site.key' }]\n";

/// A proxy that serves in the name `test`, and clients that trust it.
struct Site {
    proxy: Proxy,
    tls: Tls,
}

impl Site {
    /// In front of this backend.
    fn start(backend: &Backend) -> Self {
        Self::start_with(backend, "", |_| {})
    }

    /// With more keys of the listener, on one worker: it accepts connections in the order in which they come.
    fn start_in_listener(backend: &Backend, keys: &str) -> Self {
        let (authority, folder) = (Authority::new("root"), folder());
        authority.issue(&Leaf::default()).write(folder.path(), "site");
        let listener = &format!("{keys}{SITE}");
        let configuration =
            Setup { workers: 1, listener, ..Setup::default() }.configuration(&[backend.address()]);
        let proxy = Proxy::start_in_with_log(folder, "info,pointsman=debug", &configuration);
        Self { proxy, tls: Tls::trusting(&authority) }
    }

    /// With more keys in the listener's TLS, and more files.
    fn start_with(backend: &Backend, keys: &str, more: impl FnOnce(&Path)) -> Self {
        let (authority, folder) = (Authority::new("root"), folder());
        authority.issue(&Leaf::default()).write(folder.path(), "site");
        more(folder.path());
        Self { proxy: start_in(folder, backend, &format!("{SITE}{keys}")), tls: Tls::trusting(&authority) }
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// Starts a proxy in a folder, with these lines of its listener, that logs why handshakes fail.
fn start_in(folder: TempDir, backend: &Backend, listener: &str) -> Proxy {
    let configuration = configuration(backend, listener);
    Proxy::start_in_with_log(folder, "info,pointsman=debug", &configuration)
}

fn configuration(backend: &Backend, listener: &str) -> String {
    Setup { listener, ..Setup::default() }.configuration(&[backend.address()])
}

/// Issues a certificate for these names, writes it as files of this name, and says how a configuration names them.
fn issue(authority: &Authority, folder: &Path, name: &str, leaf: &Leaf<'_>) -> String {
    let issued: Issued = authority.issue(leaf);
    issued.write(folder, name);
    format!("{{ cert = '{name}.crt', key = '{name}.key' }}")
}
