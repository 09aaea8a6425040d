//! `Date` of responses that have none (RFC 9110 section 6.6.1).

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;

/// A date as it was last written.
struct Written {
    second: u64,
    value: HeaderValue,
}

thread_local! {
    /// Written once a second.
    static LAST: RefCell<Option<Written>> = const { RefCell::new(None) };
}

/// The date of now.
pub(super) fn now() -> HeaderValue {
    at(SystemTime::now())
}

fn at(time: SystemTime) -> HeaderValue {
    // A clock before 1970 is as wrong as one that says 1970.
    let second = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    LAST.with_borrow_mut(|last| {
        if let Some(last) = last.as_ref().filter(|last| last.second == second) {
            return last.value.clone();
        }
        let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
        // A date is made of letters, digits, colons, commas and spaces.
        let value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
        *last = Some(Written { second, value: value.clone() });
        value
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_that_of_its_second() {
        let date = |seconds, nanos| at(UNIX_EPOCH + Duration::new(seconds, nanos));
        assert_eq!(date(784_111_777, 0), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(784_111_777, 999_999_999), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(784_111_778, 0), "Sun, 06 Nov 1994 08:49:38 GMT");
    }
}
