//! Reading requests: what is to be answered, and how much body comes first.

/// Most fields in a request head.
const MOST_FIELDS: usize = 64;

/// Largest request head, bytes.
const LARGEST_HEAD: usize = 16 * 1024;

/// What a request head asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestHead {
    /// Its own length, bytes.
    pub(super) length: usize,
    /// Size of the response that is wanted.
    pub(super) wanted: usize,
    /// Length of the body that follows.
    pub(super) body: u64,
    /// Whether another request may follow.
    pub(super) keep_alive: bool,
}

/// A request that isn't understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Parses a request head; `None` if its end isn't there yet.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<RequestHead>, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(|_| Malformed)? else {
        return if bytes.len() < LARGEST_HEAD { Ok(None) } else { Err(Malformed) };
    };
    let text = |value| std::str::from_utf8(value).map_err(|_| Malformed);
    let wanted = head.path.and_then(|path| path.strip_prefix('/')?.parse().ok()).ok_or(Malformed)?;
    let mut request = RequestHead { length, wanted, body: 0, keep_alive: head.version == Some(1) };
    for field in head.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            request.body = text(field.value)?.parse().map_err(|_| Malformed)?;
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            // Every contender has to pass on the client's length.
            return Err(Malformed);
        } else if field.name.eq_ignore_ascii_case("connection") {
            request.keep_alive &= !text(field.value)?.eq_ignore_ascii_case("close");
        }
    }
    Ok(Some(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_it_wants() {
        let bytes = b"GET /16384 HTTP/1.1\r\nHost: x\r\nVia: 1.1 y\r\n\r\n";
        let head = RequestHead { length: bytes.len(), wanted: 16384, body: 0, keep_alive: true };
        assert_eq!(parse(bytes), Ok(Some(head)));
    }

    #[test]
    fn a_body_and_the_end_of_the_connection_are_seen() {
        let bytes = b"POST /12 HTTP/1.1\r\ncontent-length: 7\r\nConnection: Close\r\n\r\nhalf";
        let head = parse(bytes).unwrap().unwrap();
        assert_eq!((head.length, head.body, head.keep_alive), (bytes.len() - 4, 7, false));
        assert!(!parse(b"GET /1 HTTP/1.0\r\n\r\n").unwrap().unwrap().keep_alive);
    }

    #[test]
    fn half_a_head_is_waited_for() {
        assert_eq!(parse(b"GET /1 HTTP/1.1\r\nHo"), Ok(None));
        assert_eq!(parse(&[b'a'; LARGEST_HEAD]), Err(Malformed));
    }

    #[test]
    fn what_no_contender_may_send_is_refused() {
        for bytes in [
            &b"GET /index.html HTTP/1.1\r\n\r\n"[..],
            b"POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST /1 HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"\x16\x03\x01\x02",
        ] {
            assert_eq!(parse(bytes), Err(Malformed), "{}", bytes.escape_ascii());
        }
    }
}
