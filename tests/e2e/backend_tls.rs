//! TLS towards backends.

mod checks;
mod connections;
mod discovered;
mod files;
mod reload;
mod sessions;
mod verification;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use harness::{Authority, Issued, Leaf, Proxy, Setup};
use tempfile::TempDir;

/// TLS of a pool whose backends have certificates for `test`.
const TLS: &str = "tls = { ca = 'ca.crt', server_name = 'test' }";

/// An authority, and a folder in which it is `ca.crt`.
fn trusted() -> (Authority, TempDir) {
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    trust(&authority, folder.path());
    (authority, folder)
}

fn trust(authority: &Authority, folder: &Path) {
    std::fs::write(folder.join("ca.crt"), authority.pem()).expect("a file");
}

/// A certificate for `test`.
fn good(authority: &Authority) -> Issued {
    authority.issue(&Leaf::default())
}

/// Starts a proxy with one worker in front of these backends, with these lines of its pool.
fn start(folder: TempDir, pool: &str, backends: &[SocketAddr]) -> Proxy {
    Proxy::start_in_with_log(folder, "info,pointsman=debug", &configuration(pool, backends))
}

fn configuration(pool: &str, backends: &[SocketAddr]) -> String {
    Setup { workers: 1, pool, ..Setup::default() }.configuration(backends)
}

/// The address of a backend in clear, to which whatever a handshake begins with is a bad request.
fn in_clear() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    address
}
