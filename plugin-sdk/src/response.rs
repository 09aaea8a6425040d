//! How an attempt to serve a request ended.

use crate::Request;
use crate::abi::outcome;
use std::time::Duration;

/// How an attempt to serve a request ended, as [`Observe`](crate::Observe) sees it.
///
/// ```
/// use pointsman_sdk::{Outcome, Response};
/// use std::time::Duration;
///
/// let response = Response::new(3, Some(200), Outcome::Complete, Duration::from_millis(20));
/// assert!(!response.outcome.is_failure());
/// assert_eq!(response.head, Some(response.total));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// Index of the backend.
    pub backend: usize,
    /// HTTP status; `None` if no response head came.
    ///
    /// A call of gRPC that fails has status 200 all the same. If its own status blames the backend, here is what that means in HTTP:
    /// 503 for `UNAVAILABLE`, 504 for `DEADLINE_EXCEEDED`, 500 for `UNKNOWN`, `INTERNAL`, `DATA_LOSS` and for none at all.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// Time from sending the request to the response head; `None` if no head came.
    pub head: Option<Duration>,
    /// Time from sending the request to the end.
    pub total: Duration,
    request: Request,
}

impl Response {
    /// A response whose head and end came at the same time; with no status it has no head either.
    #[must_use]
    pub fn new(backend: usize, status: Option<u16>, outcome: Outcome, total: Duration) -> Self {
        Self { backend, status, outcome, head: status.map(|_| total), total, request: Request::current() }
    }

    /// The same with another time to the response head.
    ///
    /// ```
    /// use pointsman_sdk::{Outcome, Response};
    /// use std::time::Duration;
    ///
    /// let ms = Duration::from_millis;
    /// let slow_body = Response::new(0, Some(200), Outcome::Complete, ms(900)).head_after(ms(5));
    /// assert_eq!(slow_body.head, Some(ms(5)));
    /// ```
    #[must_use]
    pub fn head_after(self, head: Duration) -> Self {
        Self { head: Some(head), ..self }
    }

    /// The request that was sent: everything that [`pick`](crate::Policy::pick) could ask of it can be asked here too,
    /// with the same answers. For a retry, [`attempt`](Request::attempt) and [`tried`](Request::tried) are those of this
    /// attempt.
    ///
    /// The proxy keeps for it what the plugin can ask for. A plugin that asks for a text, a header or a hash anywhere has
    /// the head of each request copied; client address, attempt and tried backends are next to nothing.
    ///
    /// ```
    /// use pointsman_sdk::prelude::*;
    /// use pointsman_sdk::testing::{TestHost, TestRequest};
    /// use std::time::Duration;
    ///
    /// /// Warns when a paying customer was kept waiting.
    /// struct Promise;
    ///
    /// impl Policy for Promise {
    ///     type Config = ();
    ///     fn new(_: (), _: &Backends) -> Result<Self, Error> { Ok(Self) }
    ///     fn pick(&mut self, _: &Request, _: &Backends) -> Verdict { Verdict::Abstain }
    /// }
    ///
    /// impl Observe for Promise {
    ///     fn observe(&mut self, response: &Response, backends: &Backends) {
    ///         let slow = response.head.is_none_or(|head| head > Duration::from_millis(100));
    ///         if slow && let Some(customer) = response.request().header("x-customer") {
    ///             log::warn!("{customer} waited for {}", backends.name(response.backend));
    ///         }
    ///     }
    /// }
    /// export_policy!(Promise, observe);
    ///
    /// let host = TestHost::new().backend("a");
    /// let mut policy = host.policy::<Promise>()?;
    /// let slow = Response::new(0, Some(200), Outcome::Complete, Duration::from_millis(500));
    /// policy.observe(&TestRequest::new(), &slow);
    /// policy.observe(&TestRequest::new().header("X-Customer", "ada"), &slow);
    /// assert_eq!(host.logs(), ["warn: ada waited for a"]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Reads the numbers of the contract; `None` if the index is none.
    pub(crate) fn from_abi(
        backend: i32,
        status: i32,
        outcome: i32,
        head_us: i64,
        total_us: i64,
    ) -> Option<Self> {
        let span = |us: i64| u64::try_from(us).ok().map(Duration::from_micros);
        Some(Self {
            backend: usize::try_from(backend).ok()?,
            status: u16::try_from(status).ok().filter(|status| (100..=999).contains(status)),
            outcome: Outcome::from_abi(outcome),
            head: span(head_us),
            total: span(total_us).unwrap_or_default(),
            request: Request::current(),
        })
    }

    /// The numbers of the contract: the reverse of [`from_abi`](Self::from_abi).
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn to_abi(&self) -> (i32, i32, i32, i64, i64) {
        let us = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        (
            crate::imports::number(self.backend),
            self.status.map_or(0, i32::from),
            self.outcome.to_abi(),
            self.head.map_or(-1, us),
            us(self.total),
        )
    }
}

/// How a response ended.
///
/// ```
/// use pointsman_sdk::Outcome;
///
/// assert!(Outcome::Timeout.is_failure());
/// assert!(!Outcome::ClientAbort.is_failure(), "the client left: no fault of the backend");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The whole response was delivered, whatever its status.
    Complete,
    /// The client left first. Says nothing about the backend.
    ClientAbort,
    /// The backend closed or reset the connection before the response was whole.
    UpstreamReset,
    /// The backend was too slow.
    Timeout,
    /// No connection to the backend.
    ConnectFailure,
    /// Something that this version of the SDK has no name for.
    Other,
}

impl Outcome {
    /// Whether the backend is to blame. A complete response with status 500 is not a failure in this sense.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::UpstreamReset | Self::Timeout | Self::ConnectFailure)
    }

    fn from_abi(number: i32) -> Self {
        match number {
            outcome::COMPLETE => Self::Complete,
            outcome::CLIENT_ABORT => Self::ClientAbort,
            outcome::UPSTREAM_RESET => Self::UpstreamReset,
            outcome::TIMEOUT => Self::Timeout,
            outcome::CONNECT_FAILURE => Self::ConnectFailure,
            _ => Self::Other,
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn to_abi(self) -> i32 {
        match self {
            Self::Complete => outcome::COMPLETE,
            Self::ClientAbort => outcome::CLIENT_ABORT,
            Self::UpstreamReset => outcome::UPSTREAM_RESET,
            Self::Timeout => outcome::TIMEOUT,
            Self::ConnectFailure => outcome::CONNECT_FAILURE,
            Self::Other => i32::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_contract_are_read_back() {
        let ms = Duration::from_millis;
        let responses = [
            Response::new(0, Some(200), Outcome::Complete, ms(3)).head_after(ms(1)),
            Response::new(9, Some(503), Outcome::UpstreamReset, ms(3)),
            Response::new(1, None, Outcome::ClientAbort, ms(0)),
            Response::new(1, None, Outcome::Timeout, ms(60_000)),
            Response::new(1, None, Outcome::ConnectFailure, ms(1)),
            Response::new(1, None, Outcome::Other, ms(1)),
        ];
        for response in responses {
            let (backend, status, outcome, head_us, total_us) = response.to_abi();
            assert_eq!(Response::from_abi(backend, status, outcome, head_us, total_us), Some(response));
        }
    }

    #[test]
    fn odd_numbers_are_absent_parts() {
        assert_eq!(Response::from_abi(-1, 200, 0, 1, 1), None);
        let odd = Response::from_abi(2, 70_000, -5, i64::MIN, -1).expect("the index is in order");
        assert_eq!(
            (odd.status, odd.outcome, odd.head, odd.total),
            (None, Outcome::Other, None, Duration::ZERO)
        );
    }
}
