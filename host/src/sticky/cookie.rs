//! The cookie of a session.

use std::fmt;
use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::marks::{MARK_LETTERS, Mark};
use crate::config::SameSite;

/// What is in the cookie: the mark of a backend and, where sessions have an age, a dot and the second since 1970 when it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) mark: Mark,
    pub(super) issued: Option<Duration>,
}

impl Value {
    /// A value as it was sent; `None` if none of ours looks like that.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (mark, rest) = text.split_at_checked(MARK_LETTERS)?;
        let mark = Mark::parse(mark)?;
        let issued = match rest {
            [] => None,
            [b'.', digits @ ..] => {
                if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                Some(Duration::from_secs(std::str::from_utf8(digits).ok()?.parse().ok()?))
            }
            _ => return None,
        };
        Some(Self { mark, issued })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mark.as_str())?;
        self.issued.map_or(Ok(()), |issued| write!(f, ".{}", issued.as_secs()))
    }
}

/// The field that sets a cookie for the whole site. No script reads it.
#[must_use]
pub fn set_cookie(
    name: &str,
    value: &str,
    same_site: SameSite,
    max_age: Option<Duration>,
    over_tls: bool,
) -> String {
    let same_site = match same_site {
        SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
        SameSite::None => "None",
    };
    let age = max_age.map_or_else(String::new, |age| format!("; Max-Age={}", age.as_secs()));
    let secure = if over_tls { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}{age}{secure}")
}

/// Takes the cookies of this name out of a request. Others stay as they were sent.
pub fn strip(headers: &mut HeaderMap, name: &str) {
    let is_named = |pair: &[u8]| {
        let pair = pair.trim_ascii();
        pair.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='))
    };
    let has = |line: &HeaderValue| line.as_bytes().split(|&byte| byte == b';').any(is_named);
    if !headers.get_all(COOKIE).iter().any(has) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
    headers.remove(COOKIE);
    for line in lines {
        let pairs = line.as_bytes().split(|&byte| byte == b';').filter(|pair| !is_named(pair));
        let kept: Vec<&[u8]> = pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()).collect();
        let line = if has(&line) { HeaderValue::from_bytes(&kept.join(&b"; "[..])).ok() } else { Some(line) };
        if let Some(line) = line.filter(|line| !line.is_empty()) {
            headers.append(COOKIE, line);
        }
    }
}
