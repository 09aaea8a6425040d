//! Fuzz target of headers: no cut changes what is read, nothing behind a header is, and what is written is read as the same.

use pointsman_core::pool::ProxyProtocol;

use super::{Addresses, Header, HeaderError, More, Parsed, local, naming, parse};

/// Most bytes of a header of either version.
const LONGEST: usize = 16 + 4096;

/// A connection's first bytes. The first of them says how the rest is cut.
pub(crate) fn header(input: &[u8]) {
    let Some((&size, input)) = input.split_first() else { return };
    let whole = read(input, usize::MAX);
    assert_eq!(read(input, usize::from(size).max(1)), whole, "in pieces");
    let (read_bytes, verdict) = whole;
    assert!(read_bytes <= LONGEST, "reads {read_bytes} bytes");
    if let Some(Ok(header)) = verdict {
        // Whatever stands behind it stays.
        let mut longer = input[..read_bytes].to_vec();
        longer.extend_from_slice(b"\n\r\n\0\xff");
        assert_eq!(read(&longer, usize::MAX), (read_bytes, verdict));
        if let Header::Client(client) = header {
            written(client);
        }
    }
}

/// Reads a header as a connection is read, in pieces of at most `size`: how much of the input was read, and what it is; `None` = it goes
/// on behind the input.
fn read(input: &[u8], size: usize) -> (usize, Option<Result<Header, HeaderError>>) {
    let mut read = 0;
    loop {
        let left = &input[read..];
        let step = match parse(&input[..read]) {
            Ok(Parsed::Complete(header)) => return (read, Some(Ok(header))),
            // Where in the header a fault shows depends on how it comes.
            Err(error) => return (0, Some(Err(error))),
            Ok(Parsed::Incomplete(More::Bytes(bytes))) => {
                assert!(bytes > 0, "nothing is missing");
                bytes.min(size)
            }
            Ok(Parsed::Incomplete(More::Line(most))) => {
                assert!(most > 0, "nothing is missing");
                let ahead = &left[..most.min(size).min(left.len())];
                ahead.iter().position(|&byte| byte == b'\n').map_or(ahead.len(), |place| place + 1)
            }
        };
        let step = step.min(left.len());
        if step == 0 {
            return (read, None);
        }
        read += step;
    }
}

fn written(client: Addresses) {
    let canonical = Addresses::new(client.source, client.destination);
    for version in [ProxyProtocol::V1, ProxyProtocol::V2] {
        for written in [naming(version, client), naming(version, canonical)] {
            let (length, read) = read(&written, usize::MAX);
            assert_eq!(length, written.len());
            let Some(Ok(Header::Client(read))) = read else { panic!("{version:?} isn't read: {read:?}") };
            assert_eq!(Addresses::new(read.source, read.destination), canonical);
        }
    }
    assert_eq!(read(&local(ProxyProtocol::V2, client), 1), (16, Some(Ok(Header::Socket))));
}
