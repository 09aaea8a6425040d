//! As what a response counts, which for a call of gRPC isn't known before its end.

use http::{HeaderMap, Response, StatusCode, Version};
use pointsman_core::backend::ResponseClass;

use crate::grpc::{self, CallStatus};

/// A call of gRPC, if the response belongs to one. It is counted once: when it is known how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Call {
    /// There is none, or it has ended well.
    #[default]
    None,
    /// The head of the response has come, and doesn't say how the call ends.
    Open,
    /// It has ended with a status that blames the backend.
    Failed,
}

/// As what a response counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// The status, or the one that says the same of a call: its own is 200 all the same.
    pub(super) status: StatusCode,
    pub(super) class: ResponseClass,
    /// How the call has ended, if it is one.
    pub(super) call: Option<CallStatus>,
}

impl Call {
    /// The head of the response has come: as what it counts, if that is known by it.
    pub(super) fn begin<B>(&mut self, response: &Response<B>) -> Option<Counted> {
        let status = response.status();
        // gRPC needs HTTP/2.
        let may_be_call = response.version() == Version::HTTP_2 && status == StatusCode::OK;
        if may_be_call && grpc::is_call(response.headers()) {
            return self.open(response.headers());
        }
        Some(Counted { status, class: ResponseClass::of(status), call: None })
    }

    #[cold]
    fn open(&mut self, headers: &HeaderMap) -> Option<Counted> {
        *self = Self::Open;
        CallStatus::read(headers).and_then(|status| self.end(status))
    }

    /// The trailers of the response have come: as what it counts, if that wasn't known.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) -> Option<Counted> {
        if *self != Self::Open {
            return None;
        }
        self.end(CallStatus::read(trailers).unwrap_or(CallStatus::UNKNOWN))
    }

    /// This is how the call ends: as what it counts, if that wasn't known.
    pub(super) fn end(&mut self, status: CallStatus) -> Option<Counted> {
        if *self != Self::Open {
            return None;
        }
        let (failure, call) = (status.failure(), Some(status));
        *self = if failure.is_some() { Self::Failed } else { Self::None };
        let served = Counted { status: StatusCode::OK, class: ResponseClass::Served, call };
        Some(failure.map_or(served, |failure| Counted { status: failure.status, class: failure.class, call }))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;

    use super::*;

    fn status(text: Option<&'static str>) -> HeaderMap {
        text.map(|text| (grpc::STATUS.clone(), HeaderValue::from_static(text))).into_iter().collect()
    }

    fn response(version: Version, http: u16, grpc: Option<&'static str>) -> Response<()> {
        let mut response = Response::new(());
        (*response.version_mut(), *response.status_mut()) = (version, StatusCode::from_u16(http).unwrap());
        *response.headers_mut() = status(grpc);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        response
    }

    fn counted(status: u16, class: ResponseClass) -> Option<Counted> {
        Some(Counted { status: StatusCode::from_u16(status).unwrap(), class, call: None })
    }

    fn of_call(call: &str, status: u16, class: ResponseClass) -> Option<Counted> {
        let call = CallStatus::read(&HeaderMap::from_iter([(grpc::STATUS.clone(), call.parse().unwrap())]));
        counted(status, class).map(|counted| Counted { call, ..counted })
    }

    #[test]
    fn what_is_no_call_counts_by_its_head() {
        use ResponseClass::{GatewayFailure, Served};
        let (mut call, mut plain) = (Call::None, response(Version::HTTP_2, 200, None));
        plain.headers_mut().remove(CONTENT_TYPE);
        for (response, expected) in [
            (response(Version::HTTP_11, 200, Some("14")), counted(200, Served)),
            (response(Version::HTTP_2, 503, Some("0")), counted(503, GatewayFailure)),
            (plain, counted(200, Served)),
        ] {
            assert_eq!(call.begin(&response), expected);
            assert_eq!((call.trailers(&status(Some("14"))), call), (None, Call::None), "once is enough");
        }
    }

    #[test]
    fn a_call_counts_once_when_it_is_known_how_it_ends() {
        use ResponseClass::{GatewayFailure, Served, ServerError};
        for (text, expected, after) in [
            (Some("0"), of_call("0", 200, Served), Call::None),
            (Some("5"), of_call("5", 200, Served), Call::None),
            (Some("14"), of_call("14", 503, GatewayFailure), Call::Failed),
            (Some("13"), of_call("13", 500, ServerError), Call::Failed),
            (Some("4"), of_call("4", 504, ServerError), Call::Failed),
            (None, of_call("2", 500, ServerError), Call::Failed),
        ] {
            let mut call = Call::None;
            assert_eq!(call.begin(&response(Version::HTTP_2, 200, None)), None);
            assert_eq!((call.trailers(&status(text)), call), (expected, after), "{text:?} in the trailers");
            assert_eq!(call.end(CallStatus::UNKNOWN), None);
            if text.is_some() {
                let mut call = Call::None;
                let head = call.begin(&response(Version::HTTP_2, 200, text));
                assert_eq!((head, call), (expected, after), "{text:?} in the head");
                assert_eq!(call.end(CallStatus::UNKNOWN), None);
            }
        }
    }
}
