//! Reads what the host writes into guest buffers: texts, and columns of numbers.
//!
//! The host says how long its answer is, and a policy must not fall over a host that says something odd. So
//! every length is checked against the buffer that was handed out, growth has a limit, and so has the number of
//! times that a host may change its mind about how much room it needs.

/// Longest text that is read, bytes. A longer one is treated as absent.
pub(crate) const TEXT_LIMIT: usize = 64 << 10;

/// Most backends that are believed.
pub(crate) const BACKEND_LIMIT: usize = 1 << 20;

/// How often one question is put before the answer counts as absent.
const ROUNDS: usize = 4;

/// Most texts (names, paths, header values) fit here, so that the host is asked once.
const FIRST_ROOM: usize = 128;

/// Why there is no text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoText {
    /// The host has no such text.
    Absent,
    /// The text is longer than [`TEXT_LIMIT`], or grew with every question.
    TooLong,
}

/// Reads a text; bytes that are not UTF-8 become replacement characters.
///
/// `ask` fills a buffer and returns the full length in bytes, or a negative number.
pub(crate) fn text(ask: impl Fn(&mut [u8]) -> i32) -> Result<String, NoText> {
    bytes(&ask).map(lossy)
}

/// The same, as bytes.
pub(crate) fn bytes(ask: &dyn Fn(&mut [u8]) -> i32) -> Result<Vec<u8>, NoText> {
    let mut bytes = Vec::new();
    grow(&mut bytes, FIRST_ROOM);
    for _ in 0..ROUNDS {
        let len = usize::try_from(ask(&mut bytes)).map_err(|_| NoText::Absent)?;
        if len <= bytes.len() {
            bytes.truncate(len);
            return Ok(bytes);
        }
        if len > TEXT_LIMIT {
            break;
        }
        grow(&mut bytes, len);
    }
    Err(NoText::TooLong)
}

/// Reads one number per backend into `column`, which keeps its storage from call to call.
///
/// After the call the column is as long as the topology, or empty if the host gave no usable answer. While the
/// number of backends stays the same this neither allocates nor clears: the host overwrites what is there.
pub(crate) fn column<T: Copy + Default>(column: &mut Vec<T>, ask: impl Fn(&mut [T]) -> i32) {
    for _ in 0..ROUNDS {
        let Ok(bytes) = usize::try_from(ask(column)) else { break };
        if bytes <= size_of_val(column.as_slice()) {
            column.truncate(bytes / size_of::<T>());
            return;
        }
        let entries = bytes.div_ceil(size_of::<T>());
        if entries > BACKEND_LIMIT {
            break;
        }
        grow(column, entries);
    }
    column.clear();
}

/// Apart, as it is large where it is made fast: columns grow once, and texts come one at a time.
#[inline(never)]
fn grow<T: Copy + Default>(column: &mut Vec<T>, entries: usize) {
    column.resize(entries, T::default());
}

/// These texts as one: what `concat` does, in a tenth of the space.
#[cold]
#[inline(never)]
pub(crate) fn joined(texts: &[&str]) -> String {
    let mut joined = String::new();
    texts.iter().for_each(|text| joined.push_str(text));
    joined
}

/// Bytes as a text, with replacement characters as `String::from_utf8_lossy` has them, in a fifth of its space.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| mended(error.as_bytes()))
}

#[cold]
fn mended(mut bytes: &[u8]) -> String {
    let mut text = String::new();
    loop {
        let (valid, error) = match str::from_utf8(bytes) {
            Ok(valid) => (valid, None),
            Err(error) => (up_to(bytes, error.valid_up_to()), Some(error)),
        };
        text.push_str(valid);
        let Some(error) = error else { return text };
        text.push(char::REPLACEMENT_CHARACTER);
        // Without a length it is the end that is cut off.
        let len = error.error_len().map(|len| valid.len() + len);
        bytes = len.and_then(|len| bytes.get(len..)).unwrap_or_default();
    }
}

fn up_to(bytes: &[u8], len: usize) -> &str {
    bytes.get(..len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A host that has `answer` and reports `len` as its length.
    fn host(answer: &'static [u8], len: i32) -> impl Fn(&mut [u8]) -> i32 {
        move |buf| {
            if answer.len() <= buf.len() {
                buf[..answer.len()].copy_from_slice(answer);
            }
            len
        }
    }

    #[test]
    fn texts_survive_any_answer_of_the_host() {
        let long: &'static [u8] = &[b'x'; 1000];
        let cases = [
            ("fits", b"name".as_slice(), 4, Ok(4)),
            ("empty", b"", 0, Ok(0)),
            ("needs a second question", long, 1000, Ok(1000)),
            ("absent", b"", -1, Err(NoText::Absent)),
            ("very negative", b"", i32::MIN, Err(NoText::Absent)),
            ("beyond the limit", b"", TEXT_LIMIT as i32 + 1, Err(NoText::TooLong)),
            ("absurd", b"", i32::MAX, Err(NoText::TooLong)),
        ];
        for (name, answer, len, expected) in cases {
            assert_eq!(text(host(answer, len)).map(|text| text.len()), expected, "{name}");
        }
        assert_eq!(text(host(b"a\xffb", 3)).as_deref(), Ok("a\u{fffd}b"));
    }

    #[test]
    fn texts_are_mended_as_the_standard_library_does() {
        let pieces: [&[u8]; 9] = [
            b"a",
            b"\xff",
            b"\xc3",
            b"\xa4",
            b"\xf0\x9f",
            b"\xf0\x9f\x98\x80",
            b"\xed\xa0\x80",
            b"\xe2\x82",
            b"",
        ];
        for number in 0..9_usize.pow(4) {
            let bytes: Vec<u8> =
                (0..4).flat_map(|place| pieces[number / 9_usize.pow(place) % 9]).copied().collect();
            assert_eq!(lossy(bytes.clone()), String::from_utf8_lossy(&bytes), "{bytes:x?}");
        }
    }

    #[test]
    fn a_text_that_grows_with_every_question_is_given_up() {
        let questions = Cell::new(0);
        let growing = |buf: &mut [u8]| {
            questions.set(questions.get() + 1);
            buf.len() as i32 + 1
        };
        assert_eq!(text(growing), Err(NoText::TooLong));
        assert_eq!(questions.get(), ROUNDS);
    }

    #[test]
    fn columns_follow_the_number_of_backends() {
        let mut loads: Vec<u64> = Vec::new();
        for backends in [3_usize, 3, 5, 2, 0, 1] {
            column(&mut loads, |buf| {
                if buf.len() >= backends {
                    buf[..backends].fill(7);
                }
                (backends * 8) as i32
            });
            assert_eq!(loads, vec![7; backends]);
        }
    }

    #[test]
    fn columns_survive_any_answer_of_the_host() {
        let too_many = (BACKEND_LIMIT + 1) as i32 * 4;
        for (answer, expected) in
            [(-1, 0), (i32::MIN, 0), (i32::MAX, 0), (too_many, 0), (7, 1), (8, 2), (3, 0)]
        {
            let mut weights = vec![9_u32; 2];
            column(&mut weights, |_| answer);
            assert_eq!(weights.len(), expected, "answer {answer}");
        }
    }
}
