//! Addresses that no other test gets: a port of 127.0.0.1 that one test has left is soon another's.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// An address of the loopback that is given out once, with port 0: for what dies and may come back.
pub fn own_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    // Tests of two clones may run at the same time.
    let process = 128 + (std::process::id() % 126) as u8;
    SocketAddr::from((Ipv4Addr::new(127, process, high, low), 0))
}

/// An address at which nobody listens, and nobody will who isn't told to.
pub fn nobody() -> SocketAddr {
    TcpListener::bind(own_address()).and_then(|listener| listener.local_addr()).expect("a port")
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::{nobody, own_address};

    #[test]
    fn nobody_answers_and_no_address_comes_twice() {
        let (first, second) = (nobody(), nobody());
        assert_ne!(first.ip(), second.ip());
        for address in [first, second] {
            let refused = TcpStream::connect(address).expect_err("nobody is there");
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        }
        TcpListener::bind(first).expect("somebody comes back");
        assert!(own_address().ip().is_loopback());
    }
}
