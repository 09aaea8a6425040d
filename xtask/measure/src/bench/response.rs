//! Reading responses: enough to know that each one is what was asked for.

use super::grpc;

/// Most fields in a response head.
const MOST_FIELDS: usize = 32;

/// Largest response head, bytes.
const LARGEST_HEAD: usize = 16 * 1024;

/// Bytes of a backend's report.
pub(crate) const REPORT: usize = 12;

/// How much of a body is kept to be looked at, bytes.
pub(crate) const KEPT: usize = grpc::PREFIX + REPORT;

/// What a backend says: how many bytes came with a request, in digits.
pub(crate) fn report(received: u64) -> [u8; REPORT] {
    let mut report = [b'0'; REPORT];
    let mut left = received;
    for digit in report.iter_mut().rev() {
        *digit += (left % 10) as u8;
        left /= 10;
    }
    report
}

/// Reads one response after another, from pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct ResponseReader {
    /// The beginning of a head that hasn't come whole.
    partial: Vec<u8>,
    /// Once the head is there.
    response: Option<Response>,
    /// Bytes of the body that have come.
    received: u64,
}

/// A response that has come whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Response {
    /// Its status.
    pub(crate) status: u16,
    /// Length of its body.
    pub(crate) length: u64,
    /// The first bytes of its body; zeros where it is shorter.
    pub(crate) start: [u8; KEPT],
    /// It announces that it is the connection's last (RFC 9112 section 9.6).
    pub(crate) closes: bool,
    /// Its trailers say that the gRPC call has succeeded.
    pub(crate) called: bool,
}

impl Response {
    /// A response that has only begun.
    pub(crate) fn new(status: u16) -> Self {
        Self { status, length: 0, start: [0; KEPT], closes: false, called: false }
    }
}

/// What isn't a response that this reader takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Not HTTP/1.1, or a head that doesn't end.
    Head,
    /// No `Content-Length`: every contender has to pass on the backend's.
    Framing,
    /// More bytes than the response has.
    Surplus,
}

impl ResponseReader {
    /// Takes what has come; returns the response when its last byte is among it.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Option<Response>, Malformed> {
        if self.response.is_some() {
            return self.take_body(bytes);
        }
        if self.partial.is_empty() {
            return match parse_head(bytes)? {
                Some((length, response)) => {
                    self.response = Some(response);
                    self.take_body(&bytes[length..])
                }
                None => {
                    self.partial.extend_from_slice(bytes);
                    Ok(None)
                }
            };
        }
        self.partial.extend_from_slice(bytes);
        let Some((length, response)) = parse_head(&self.partial)? else { return Ok(None) };
        self.response = Some(response);
        let partial = std::mem::take(&mut self.partial);
        self.take_body(&partial[length..])
    }

    fn take_body(&mut self, bytes: &[u8]) -> Result<Option<Response>, Malformed> {
        let Some(response) = &mut self.response else { return Ok(None) };
        if let Some(place) = usize::try_from(self.received).ok().filter(|&place| place < KEPT) {
            let kept = bytes.len().min(KEPT - place);
            response.start[place..place + kept].copy_from_slice(&bytes[..kept]);
        }
        self.received += bytes.len() as u64;
        if self.received < response.length {
            return Ok(None);
        }
        if self.received > response.length {
            return Err(Malformed::Surplus);
        }
        self.received = 0;
        Ok(self.response.take())
    }
}

/// The length of the head and what it says; `None` if its end isn't there yet.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, Response)>, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let Ok(status) = head.parse(bytes) else { return Err(Malformed::Head) };
    let httparse::Status::Complete(end) = status else {
        return if bytes.len() < LARGEST_HEAD { Ok(None) } else { Err(Malformed::Head) };
    };
    let (Some(status), Some(1)) = (head.code, head.version) else { return Err(Malformed::Head) };
    let length = head
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
        .and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok())
        .ok_or(Malformed::Framing)?;
    let closes =
        head.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("connection")).any(|field| {
            field
                .value
                .split(|&byte| byte == b',')
                .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
        });
    Ok(Some((end, Response { length, closes, ..Response::new(status) })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &[u8] = b"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 3\r\n\r\nabc";

    fn small() -> Response {
        let mut start = [0; KEPT];
        start[..3].copy_from_slice(b"abc");
        Response { length: 3, start, ..Response::new(200) }
    }

    #[test]
    fn a_report_has_twelve_digits() {
        assert_eq!(&report(0), b"000000000000");
        assert_eq!(&report(1_048_576), b"000001048576");
    }

    #[test]
    fn a_response_in_one_piece() {
        let mut reader = ResponseReader::default();
        assert_eq!(reader.take(SMALL), Ok(Some(small())));
        assert_eq!(reader.take(SMALL), Ok(Some(small())), "the next one on the same connection");
    }

    #[test]
    fn a_response_cut_anywhere() {
        for first in 1..SMALL.len() {
            let mut reader = ResponseReader::default();
            assert_eq!(reader.take(&SMALL[..first]), Ok(None), "cut at {first}");
            assert_eq!(reader.take(&SMALL[first..]), Ok(Some(small())), "cut at {first}");
        }
    }

    #[test]
    fn a_response_byte_by_byte() {
        let mut reader = ResponseReader::default();
        let whole: Vec<Response> =
            SMALL.iter().filter_map(|byte| reader.take(std::slice::from_ref(byte)).unwrap()).collect();
        assert_eq!(whole, [small()]);
    }

    #[test]
    fn a_failure_is_a_response_with_its_status() {
        let bytes = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
        let response = ResponseReader::default().take(bytes).unwrap().unwrap();
        assert_eq!((response.status, response.length), (502, 0));
    }

    #[test]
    fn what_is_no_such_response_is_refused() {
        for (bytes, fault) in [
            (&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..], Malformed::Framing),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Malformed::Framing),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Malformed::Head),
            (b"SSH-2.0-OpenSSH\r\n", Malformed::Head),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", Malformed::Surplus),
        ] {
            assert_eq!(ResponseReader::default().take(bytes), Err(fault), "{}", bytes.escape_ascii());
        }
        assert_eq!(ResponseReader::default().take(&[b'H'; 1]), Ok(None));
    }

    #[test]
    fn a_head_without_end_is_refused() {
        let mut reader = ResponseReader::default();
        assert_eq!(reader.take(b"HTTP/1.1 200 OK\r\nA: "), Ok(None));
        assert_eq!(reader.take(&[b'a'; LARGEST_HEAD]), Err(Malformed::Head));
    }
}
