//! What a line of an access log says.

use std::net::{IpAddr, Ipv4Addr};

use http::header::HOST;
use http::{HeaderName, Request};
use pointsman_core::request::RequestHead;
use time::OffsetDateTime;

use super::prompt::RecordedPrompt;

/// Names the first blocks of a prompt.
const PREFIX: HeaderName = HeaderName::from_static("x-prefix");

/// A request as it was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) written: Written,
    /// How long its backend took, µs.
    pub(super) work: u64,
    pub(super) kind: Kind,
    /// Whether it is of a log that has only a share of the requests.
    pub(super) is_sampled: bool,
    /// Of a request to a model server.
    pub(super) prompt: Option<RecordedPrompt>,
}

/// The time in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// Since 1970, µs.
    pub(super) at: i64,
    /// Whether only the second is known.
    pub(super) is_rounded: bool,
    /// How long the request had taken by then, µs.
    pub(super) after: i64,
}

impl Written {
    /// When a request began.
    pub(super) fn begun(at: i64) -> Self {
        Self { at, is_rounded: false, after: 0 }
    }
}

/// Why a line has no request that can come again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Skipped {
    #[error("is no UTF-8")]
    Bytes,
    #[error("is compressed; unpack it first")]
    Compressed,
    #[error("is a tunnel's")]
    Tunnel,
    #[error("the request came to no backend")]
    NoBackend,
    #[error(
        "is neither JSON, nor in the combined format with the time that the request took behind it; CSV begins with a line that names `time_s` and `work_ms`"
    )]
    Unknown,
    #[error("{0}")]
    Json(String),
    #[error("has no {0}")]
    Missing(&'static str),
    #[error("{0}: {1:?} isn't {2}")]
    Wrong(&'static str, String, &'static str),
    #[error("{0}")]
    Csv(String),
    #[error(
        "{found} `hash_ids` for {tokens} tokens, of which blocks of {block} would be {expected}: `block` in `replay` says how long they are"
    )]
    Blocks { found: u64, tokens: u64, block: u64, expected: u64 },
    #[error("no request: {0}")]
    Request(String),
}

/// What policies can tell requests apart by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    pub(super) client: IpAddr,
    pub(super) method: String,
    /// As the client asked for it; empty if it isn't known.
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
    /// The first blocks of a prompt; empty without one.
    pub(super) prefix: String,
}

impl Default for Kind {
    /// `GET /` from nowhere.
    fn default() -> Self {
        Self {
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            method: "GET".to_owned(),
            host: String::new(),
            target: "/".to_owned(),
            prefix: String::new(),
        }
    }
}

impl Kind {
    pub(super) fn head(&self) -> Result<RequestHead, Skipped> {
        let mut request = Request::builder().method(self.method.as_str()).uri(self.target.as_str());
        if !self.host.is_empty() {
            request = request.header(HOST, self.host.as_str());
        }
        if !self.prefix.is_empty() {
            request = request.header(PREFIX, self.prefix.as_str());
        }
        let request = request.body(()).map_err(|error| Skipped::Request(error.to_string()))?;
        Ok(RequestHead::new(request.into_parts().0, self.client))
    }
}

/// The address of a client; nowhere if it was masked or isn't known.
pub(super) fn client(text: &str) -> IpAddr {
    text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// A moment since 1970, µs.
pub(super) fn micros(moment: OffsetDateTime) -> i64 {
    i64::try_from(moment.unix_timestamp_nanos() / 1_000).unwrap_or_default()
}
