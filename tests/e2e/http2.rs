//! HTTP/2 from clients.

mod alpn;
mod browser;
mod clients;
mod draining;
mod heads;

use harness::{Authority, Backend, Leaf, Proxy, Setup, Tls};

/// A listener with the certificate `site`.
const OVER_TLS: &str = "[listener.tls]\ncertificates = [{ cert = 'site.crt', key = 'site.key' }]\n";

/// A proxy that serves in the name `test` over TLS, and what clients trust it with. The authority's certificate is in the proxy's folder as
/// `ca.crt`. `keys` are more of the listener.
fn over_tls(backend: &Backend, keys: &str) -> (Proxy, Tls) {
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    authority.issue(&Leaf::default()).write(folder.path(), "site");
    std::fs::write(folder.path().join("ca.crt"), authority.pem()).expect("a file");
    let listener = &format!("{keys}\n{OVER_TLS}");
    let configuration = Setup { listener, ..Setup::default() }.configuration(&[backend.address()]);
    let proxy = Proxy::start_in_with_log(folder, "info,pointsman=debug", &configuration);
    (proxy, Tls::trusting(&authority))
}

/// A proxy that is spoken to in clear.
fn in_clear(backend: &Backend, keys: &str) -> Proxy {
    let setup = Setup { listener: keys, ..Setup::default() };
    Proxy::start_with_log("info,pointsman=debug", &setup.configuration(&[backend.address()]))
}
