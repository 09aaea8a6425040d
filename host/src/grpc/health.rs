//! The health check of gRPC: the question, and how the answer is read.
//!
//! Both are one message: a byte that says whether it is compressed, its length in four bytes, and two fields at most in the
//! encoding of Protocol Buffers. That is too little to have a crate for it.

use std::fmt;

/// The method that is called.
pub const METHOD: &str = "/grpc.health.v1.Health/Check";

/// Bytes before each message.
const PREFIX: usize = 5;

/// Field 1 of the question, with a length: the service that is asked for.
const SERVICE: u8 = 0x0a;

/// The number of the field of the answer that counts.
const STATUS: u64 = 1;

/// What a server says of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServingStatus {
    /// It serves.
    Serving,
    /// It says anything else.
    Other(i32),
}

impl fmt::Display for ServingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving => f.write_str("SERVING"),
            Self::Other(0) => f.write_str("UNKNOWN"),
            Self::Other(2) => f.write_str("NOT_SERVING"),
            Self::Other(3) => f.write_str("SERVICE_UNKNOWN"),
            Self::Other(other) => write!(f, "{other}"),
        }
    }
}

/// Why an answer can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// There is no message.
    #[error("no message in the answer")]
    Empty,
    /// It is compressed, although the question permits no compression.
    #[error("the answer is compressed, which wasn't offered")]
    Compressed,
    /// There is less than its length says, or more.
    #[error("the answer isn't one whole message")]
    Length,
    /// It isn't in the encoding of Protocol Buffers.
    #[error("the answer's message is malformed")]
    Malformed,
}

/// The question for a service; the empty one is the server as a whole.
#[must_use]
pub fn question(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(SERVICE);
        put_varint(&mut message, service.len() as u64);
        message.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut framed = vec![0];
    framed.extend_from_slice(&length.to_be_bytes());
    framed.append(&mut message);
    framed
}

/// Reads an answer: all of the response's body.
///
/// # Errors
///
/// It isn't one message, or not of this kind.
pub fn read_answer(body: &[u8]) -> Result<ServingStatus, AnswerError> {
    if body.is_empty() {
        return Err(AnswerError::Empty);
    }
    let (prefix, message) = body.split_at_checked(PREFIX).ok_or(AnswerError::Length)?;
    let &[compressed, ref length @ ..] = prefix else { return Err(AnswerError::Length) };
    match compressed {
        0 => {}
        1 => return Err(AnswerError::Compressed),
        _ => return Err(AnswerError::Malformed),
    }
    let length = length.iter().fold(0, |length, &byte| length << 8 | u64::from(byte));
    if length != message.len() as u64 {
        return Err(AnswerError::Length);
    }
    match status(message).ok_or(AnswerError::Malformed)? {
        1 => Ok(ServingStatus::Serving),
        other => Ok(ServingStatus::Other(other)),
    }
}

/// The status in a message: the last one counts, none is 0, and fields that later versions may add are passed over. `None` = it
/// is malformed.
fn status(mut message: &[u8]) -> Option<i32> {
    let mut status = 0;
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        let (field, kind) = (tag >> 3, tag & 7);
        if field == 0 || field >> 29 != 0 {
            return None;
        }
        match kind {
            // An enumeration is 32 bits of it.
            0 if field == STATUS => status = (take_varint(&mut message)? as u32).cast_signed(),
            0 => _ = take_varint(&mut message)?,
            1 => message = message.get(8..)?,
            2 => {
                let length = usize::try_from(take_varint(&mut message)?).ok()?;
                message = message.get(length..)?;
            }
            5 => message = message.get(4..)?,
            // Groups, which nobody has used for twenty years, and what has no meaning.
            _ => return None,
        }
    }
    Some(status)
}

/// A number of up to ten bytes, seven bits in each, the lowest first.
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            // The tenth byte has room for one bit.
            return (place < 9 || byte < 2).then_some(number);
        }
    }
    None
}

/// The reverse of [`take_varint`].
pub(super) fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_as_other_clients_ask_them() {
        assert_eq!(question(""), [0; 5]);
        assert_eq!(question("a.B"), [0, 0, 0, 0, 5, 0x0a, 3, b'a', b'.', b'B']);
        let long = question(&"x".repeat(300));
        assert_eq!((&long[..8], long.len()), (&[0, 0, 0, 1, 47, 0x0a, 0xac, 2][..], 308));
    }

    #[test]
    fn answers_are_read() {
        use ServingStatus::{Other, Serving};
        for (body, expected) in [
            (&[0, 0, 0, 0, 2, 8, 1][..], Ok(Serving)),
            (&[0, 0, 0, 0, 0], Ok(Other(0))),
            (&[0, 0, 0, 0, 2, 8, 0], Ok(Other(0))),
            (&[0, 0, 0, 0, 2, 8, 2], Ok(Other(2))),
            (&[0, 0, 0, 0, 2, 8, 3], Ok(Other(3))),
            // The last one counts, and a longer way of writing 1 is 1.
            (&[0, 0, 0, 0, 4, 8, 2, 8, 1], Ok(Serving)),
            (&[0, 0, 0, 0, 3, 8, 0x81, 0], Ok(Serving)),
            (&[0, 0, 0, 0, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], Ok(Other(-1))),
            // Fields of each kind that nobody knows.
            (&[0, 0, 0, 0, 6, 0x10, 5, 0x1a, 0, 8, 1], Ok(Serving)),
            (&[0, 0, 0, 0, 16, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0x2d, 0, 0, 0, 0, 8, 1], Ok(Serving)),
            // 1 in another kind of field 1 is no status.
            (&[0, 0, 0, 0, 5, 0x0d, 1, 0, 0, 0], Ok(Other(0))),
            (&[], Err(AnswerError::Empty)),
            (&[0, 0, 0, 0], Err(AnswerError::Length)),
            (&[0, 0, 0, 0, 3, 8, 1], Err(AnswerError::Length)),
            (&[0, 0, 0, 0, 1, 8, 1], Err(AnswerError::Length)),
            (&[0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 0], Err(AnswerError::Length)),
            (&[1, 0, 0, 0, 2, 8, 1], Err(AnswerError::Compressed)),
            (&[2, 0, 0, 0, 2, 8, 1], Err(AnswerError::Malformed)),
            (&[0, 0, 0, 0, 1, 8], Err(AnswerError::Malformed)),
            (&[0, 0, 0, 0, 2, 0, 1], Err(AnswerError::Malformed)),
            (&[0, 0, 0, 0, 2, 0x0a, 1], Err(AnswerError::Malformed)),
            (&[0, 0, 0, 0, 2, 0x0b, 0x0c], Err(AnswerError::Malformed)),
            (
                &[0, 0, 0, 0, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
                Err(AnswerError::Malformed),
            ),
        ] {
            assert_eq!(read_answer(body), expected, "{body:?}");
        }
    }
}
