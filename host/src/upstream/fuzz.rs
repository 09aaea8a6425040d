//! A fuzz target: where the body of a response ends.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Response};
use http_body::Body;

use super::framing::settle;
use crate::fuzzing::wire;

/// A response as a backend writes it. The first byte says which method it answers.
pub(crate) fn response_framing(input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else { return };
    let method = if kind & 1 == 0 { Method::GET } else { Method::HEAD };
    if let Some(mut response) = wire::response(&method, input) {
        check(&mut response, method == Method::GET);
    }
    let mut response = Response::new(String::new());
    for line in input.split(|&byte| byte == b'\n') {
        let (name, value) = match line.split_first() {
            Some((b'!', value)) => (TRANSFER_ENCODING, value),
            _ => (CONTENT_LENGTH, line),
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            response.headers_mut().append(name, value);
        }
    }
    check(&mut response, false);
}

/// What is settled has one length or one coding, and stays as it is.
fn check<B: Body>(response: &mut Response<B>, has_body: bool) {
    if settle(response).is_err() {
        return;
    }
    let headers = response.headers().clone();
    let lengths: Vec<&HeaderValue> = headers.get_all(CONTENT_LENGTH).iter().collect();
    assert!(lengths.len() <= 1, "several lengths are left");
    let length = lengths.first().map(|length| {
        let text = length.to_str().expect("digits");
        text.parse::<u64>().expect("a length that is a number")
    });
    let codings = headers.get_all(TRANSFER_ENCODING).iter().count();
    if let (true, Some(length), 0, Some(exact)) =
        (has_body, length, codings, response.body().size_hint().exact())
    {
        let has_none = matches!(response.status().as_u16(), 100..=199 | 204 | 304);
        assert!(exact == length || has_none, "hyper reads {exact} bytes of {length}");
    }
    assert!(settle(response).is_ok() && *response.headers() == headers, "settled twice");
}
