//! Whether a client's connection goes on after a response, and how the response says so (RFC 9112 section 9.3).

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, Version};
use http_body::Body;

/// What a request says of its connection, as far as the response must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// HTTP/1.1: the connection goes on unless either side says otherwise.
    Implied,
    /// HTTP/1.0, and the client asks for it: the connection goes on if the response agrees.
    Asked,
    /// HTTP/1.0: the connection ends with the response.
    None,
}

impl Persistence {
    /// What this request says.
    pub fn of<B>(request: &Request<B>) -> Self {
        match request.version() {
            Version::HTTP_10 if asks(request) => Self::Asked,
            Version::HTTP_10 => Self::None,
            _ => Self::Implied,
        }
    }

    /// Whether the client can see the end of this response only by the end of the connection.
    pub fn ends_by_close<B: Body>(self, response: &Response<B>) -> bool {
        self != Self::Implied && response.body().size_hint().exact().is_none()
    }

    /// Says in the response whether the connection goes on, which it never does unless it `may`.
    ///
    /// hyper goes by what is said, except that it adds a `keep-alive` for an old client to any response that isn't of the
    /// old version. One of unknown length ends with the connection for such a client, as it can't read chunks.
    pub fn announce<B: Body>(self, response: &mut Response<B>, may: bool) {
        let word = match self {
            Self::Implied if may => return,
            Self::Asked if may && response.body().size_hint().exact().is_some() => "keep-alive",
            _ => "close",
        };
        if self != Self::Implied {
            *response.version_mut() = Version::HTTP_10;
        }
        let word = HeaderValue::from_static(word);
        let headers = response.headers_mut();
        if headers.contains_key(UPGRADE) {
            // `Connection` names it.
            headers.append(CONNECTION, word);
        } else {
            headers.insert(CONNECTION, word);
        }
    }
}

/// Whether hyper keeps the connection of this request from a client of HTTP/1.0: the last field counts, and a `close` in any.
fn asks<B>(request: &Request<B>) -> bool {
    let mut asked = false;
    for line in request.headers().get_all(CONNECTION) {
        let has = |word: &str| {
            let tokens = line.to_str().unwrap_or_default().split(',');
            tokens.map(str::trim).any(|token| token.eq_ignore_ascii_case(word))
        };
        if has("close") {
            return false;
        }
        asked = has("keep-alive");
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a request of this version with these lines of `Connection` says.
    fn of(version: Version, lines: &[&'static str]) -> Persistence {
        let mut request = Request::new(());
        *request.version_mut() = version;
        for line in lines {
            request.headers_mut().append(CONNECTION, HeaderValue::from_static(line));
        }
        Persistence::of(&request)
    }

    #[test]
    fn an_old_client_has_to_ask() {
        let old = |lines: &[&'static str]| of(Version::HTTP_10, lines);
        assert_eq!(old(&[]), Persistence::None);
        assert_eq!(old(&["Keep-Alive"]), Persistence::Asked);
        assert_eq!(old(&["x, keep-alive ,y"]), Persistence::Asked);
        assert_eq!(old(&["x-keep-alive"]), Persistence::None);
        assert_eq!(old(&["keep-alive, close"]), Persistence::None);
        assert_eq!(old(&["close", "keep-alive"]), Persistence::None);
        assert_eq!(old(&["x", "keep-alive"]), Persistence::Asked);
        assert_eq!(old(&["keep-alive", "x"]), Persistence::None);
        assert_eq!(of(Version::HTTP_11, &["close"]), Persistence::Implied);
    }
}
