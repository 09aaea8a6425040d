//! Just enough HTTP/1.1 to read what the proxy sends, to either side, byte by byte.

use std::fmt;
use std::io::{self, BufRead, Read};

/// A message head, as it stands on the wire.
#[derive(Clone, Default)]
struct Head {
    first_line: String,
    headers: Vec<(String, String)>,
}

/// A response that the client received.
#[derive(Clone)]
pub struct Response {
    head: Head,
    /// The body as far as it came, without the framing.
    pub body: Vec<u8>,
    /// Trailer fields.
    pub trailers: Vec<(String, String)>,
    /// The framing came to its end.
    pub whole: bool,
}

/// A request that a backend received.
#[derive(Clone)]
pub struct Request {
    head: Head,
    /// The body as far as it came, without the framing.
    pub body: Vec<u8>,
    /// Trailer fields.
    pub trailers: Vec<(String, String)>,
    /// The framing came to its end.
    pub whole: bool,
}

/// How a body is framed.
enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

impl Head {
    /// Reads a head; `None` at the end of the connection.
    fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let first_line = read_line(from)?;
        if first_line.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { first_line, headers: read_fields(from)? }))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.as_str())
    }

    fn framing(&self) -> Option<Framing> {
        if self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Some(Framing::Chunked);
        }
        self.header("content-length").map(|length| Framing::Length(length.parse().expect("a length")))
    }
}

/// One line without its CRLF; empty at the end of the stream.
fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}

fn read_fields(from: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let line = read_line(from)?;
        if line.is_empty() {
            return Ok(fields);
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// Reads a body into `body`; whether it came to its end. Trailers go to `trailers`.
fn read_body(
    from: &mut impl BufRead,
    framing: &Framing,
    body: &mut Vec<u8>,
    trailers: &mut Vec<(String, String)>,
) -> bool {
    match framing {
        Framing::None => true,
        Framing::Length(length) => {
            let read = from.take(*length as u64).read_to_end(body);
            read.is_ok() && body.len() == *length
        }
        Framing::UntilClose => from.read_to_end(body).is_ok(),
        Framing::Chunked => loop {
            let Ok(line) = read_line(from) else { return false };
            let Ok(size) = usize::from_str_radix(&line, 16) else { return false };
            if size == 0 {
                let Ok(fields) = read_fields(from) else { return false };
                *trailers = fields;
                return true;
            }
            let before = body.len();
            if from.take(size as u64).read_to_end(body).is_err() || body.len() - before != size {
                return false;
            }
            if read_line(from).is_err() {
                return false;
            }
        },
    }
}

impl Response {
    /// Reads a response to a request with this method; `None` if the connection ended instead.
    pub fn read(from: &mut impl BufRead, method: &str) -> io::Result<Option<Self>> {
        let Some(head) = Head::read(from)? else { return Ok(None) };
        let mut response = Self { head, body: Vec::new(), trailers: Vec::new(), whole: false };
        let without_body = method == "HEAD" || matches!(response.status(), 100..=199 | 204 | 304);
        let framing =
            if without_body { Framing::None } else { response.head.framing().unwrap_or(Framing::UntilClose) };
        response.whole = read_body(from, &framing, &mut response.body, &mut response.trailers);
        Ok(Some(response))
    }

    /// The first line, with version, status and reason.
    pub fn first_line(&self) -> &str {
        &self.head.first_line
    }

    /// The status of its first line.
    pub fn status(&self) -> u16 {
        let status = self.head.first_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no status in {:?}", self.head.first_line))
    }

    /// The first field with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// All fields, in their order.
    pub fn headers(&self) -> &[(String, String)] {
        &self.head.headers
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The label of a response that the proxy itself made.
    pub fn error_label(&self) -> Option<&str> {
        self.header("x-pointsman-error")
    }
}

impl Request {
    /// Reads a request's head only; `None` if the connection ended instead.
    pub fn read_head(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let head = Head::read(from)?;
        Ok(head.map(|head| Self { head, body: Vec::new(), trailers: Vec::new(), whole: false }))
    }

    /// Reads the body after the head.
    pub fn read_body(&mut self, from: &mut impl BufRead) {
        let framing = self.head.framing().unwrap_or(Framing::None);
        self.whole = read_body(from, &framing, &mut self.body, &mut self.trailers);
    }

    /// Reads the body after the head and throws it away as it comes; says how many bytes it had.
    pub fn discard_body(&mut self, from: &mut impl BufRead) -> u64 {
        let Some(Framing::Length(length)) = self.head.framing() else { panic!("only for a known length") };
        let read = io::copy(&mut from.take(length as u64), &mut io::sink()).unwrap_or_default();
        self.whole = read == length as u64;
        read
    }

    /// Method, target and version.
    pub fn first_line(&self) -> &str {
        &self.head.first_line
    }

    /// The method, as it came.
    pub fn method(&self) -> &str {
        self.head.first_line.split(' ').next().unwrap_or_default()
    }

    /// The target, as it came.
    pub fn target(&self) -> &str {
        self.head.first_line.split(' ').nth(1).unwrap_or_default()
    }

    /// The first field with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// All fields, in their order.
    pub fn headers(&self) -> &[(String, String)] {
        &self.head.headers
    }

    /// Values of all fields with this name, in their order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let named = self.head.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { first_line, headers } = &self.head;
        write!(f, "{first_line} {headers:?} {} bytes, whole: {}", self.body.len(), self.whole)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { first_line, headers } = &self.head;
        write!(f, "{first_line} {headers:?} {} bytes, whole: {}", self.body.len(), self.whole)
    }
}
