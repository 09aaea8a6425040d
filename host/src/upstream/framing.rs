//! Where the body of a response ends: at a place that every recipient agrees on, or the response is refused.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Body;

use super::Error;

/// Digits of a length that fits for certain.
const FITTING_DIGITS: usize = 19;

/// Refuses a body without a clear end, and makes several lengths that are the same a single one (RFC 9110 section 8.6): the
/// client may read the first, the last, or neither. hyper ignores the length of a response to HEAD.
pub(super) fn settle<B: Body>(response: &mut Response<B>) -> Result<(), Error> {
    let mut lengths = response.headers().get_all(CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next()
        && (lengths.next().is_some() || !is_number(length))
    {
        settle_length(response.headers_mut())?;
    }
    // A length that isn't 0 is one that no transfer coding has come before.
    if response.body().size_hint().exact().is_some_and(|length| length > 0) {
        return Ok(());
    }
    let mut codings = response.headers().get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Error::TransferCoding),
    }
}

fn is_number(value: &HeaderValue) -> bool {
    let digits = value.as_bytes();
    (1..=FITTING_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

#[cold]
fn settle_length(headers: &mut HeaderMap) -> Result<(), Error> {
    let mut settled = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for item in value.as_bytes().split(|&byte| byte == b',') {
            let digits = item.trim_ascii();
            let number = str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit));
            let length: u64 = number.and_then(|digits| digits.parse().ok()).ok_or(Error::Length)?;
            if settled.replace(length).is_some_and(|other| other != length) {
                return Err(Error::Length);
            }
        }
    }
    if let Some(length) = settled {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(lengths: &[&'static str]) -> Option<String> {
        let mut response = Response::new(String::new());
        for length in lengths {
            response.headers_mut().append(CONTENT_LENGTH, HeaderValue::from_static(length));
        }
        settle(&mut response).ok()?;
        let left: Vec<&str> = response
            .headers()
            .get_all(CONTENT_LENGTH)
            .iter()
            .map(|length| length.to_str().unwrap())
            .collect();
        Some(left.join("|"))
    }

    #[test]
    fn one_length_is_left_or_none() {
        for (lengths, left) in [
            (&[][..], ""),
            (&["0"], "0"),
            (&["2"], "2"),
            (&["2, 2"], "2"),
            (&["2,2 ,\t2"], "2"),
            (&["2", "2"], "2"),
            (&["02"], "02"),
            (&["02", "2"], "2"),
            (&["18446744073709551615"], "18446744073709551615"),
        ] {
            assert_eq!(settled(lengths).as_deref(), Some(left), "{lengths:?}");
        }
        for lengths in [
            &["2, 3"][..],
            &["2", "3"],
            &["2", "2", "3"],
            &["2,"],
            &[""],
            &["+2"],
            &["-2"],
            &["2 2"],
            &["0x2"],
            &["two"],
            &["18446744073709551616"],
        ] {
            assert_eq!(settled(lengths), None, "{lengths:?}");
        }
    }
}
