//! Fuzz target of the health check's answer: no part of an answer is one, fields that nobody knows change nothing, the last status
//! counts.

use super::health::{AnswerError, ServingStatus, put_varint, question, read_answer};

/// A response's body, and the same as the message in one.
pub(crate) fn health_answer(input: &[u8]) {
    check(input);
    check(&framed(input));
}

fn check(body: &[u8]) {
    let status = match read_answer(body) {
        Ok(status) => status,
        Err(error) => {
            // Only one that was cut short becomes whole by what follows.
            let longer = read_answer(&[body, &[8, 1]].concat());
            assert!(longer.is_err() || error == AnswerError::Length, "{error}, then {longer:?}");
            return;
        }
    };
    for end in 0..body.len() {
        assert!(read_answer(&body[..end]).is_err(), "the first {end} bytes are an answer, too");
    }
    assert!(read_answer(&[body, &[0]].concat()).is_err(), "what follows isn't noticed");
    let message = &body[5..];
    assert_eq!(framed(message), body, "there is one way of framing a message");

    // What a later version may add, in front of the rest and behind it.
    let unknown = [0x7a, 3, 8, 1, 0];
    assert_eq!(read_answer(&framed(&[&unknown, message].concat())), Ok(status));
    assert_eq!(read_answer(&framed(&[message, &unknown].concat())), Ok(status));
    for (number, expected) in [(1, ServingStatus::Serving), (300, ServingStatus::Other(300))] {
        let mut last = [message, &[8]].concat();
        put_varint(&mut last, number);
        assert_eq!(read_answer(&framed(&last)), Ok(expected));
    }

    // A question is a message of the same encoding, whose field 1 is of another kind.
    let name = String::from_utf8_lossy(message);
    assert_eq!(read_answer(&question(&name)), Ok(ServingStatus::Other(0)));
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short one");
    [&[0][..], &length.to_be_bytes(), message].concat()
}
