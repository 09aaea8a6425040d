//! What HTTP/2 has to say of a failure, and what it means for a request.

use std::io;

use h2::Reason;

use crate::upstream::Error;

/// Why a stream has no response.
pub(super) fn of_stream(error: h2::Error) -> Error {
    if is_left_out(&error) {
        Error::LeftOut
    } else if error.is_library() {
        Error::BadStream(error)
    } else {
        match error.reason() {
            // It says so of a stream that it hasn't looked at (RFC 9113 section 8.7).
            Some(Reason::REFUSED_STREAM) if error.is_remote() => Error::StreamRefused,
            Some(reason) if error.is_reset() && error.is_remote() => Error::StreamReset(reason),
            _ => Error::Reset,
        }
    }
}

/// Why a stream has no more of its response.
pub(super) fn of_body(error: h2::Error) -> Error {
    match error.reason() {
        _ if error.is_library() => Error::BadStream(error),
        Some(reason) if error.is_reset() && error.is_remote() => Error::StreamReset(reason),
        _ => Error::Reset,
    }
}

/// Why there is no connection; `None` = the backend has closed it.
pub(super) fn of_opening(error: Option<&h2::Error>) -> Error {
    match error {
        Some(error) if !error.is_io() => Error::NotHttp2(error.to_string().into()),
        _ => {
            let message = "it closed the connection before it had sent its settings";
            Error::Connect(io::Error::new(io::ErrorKind::UnexpectedEof, message))
        }
    }
}

/// Whether the backend has left with a GOAWAY that names an earlier stream as the last that it has looked at (RFC 9113 section 8.7). `h2`
/// gives the error of a GOAWAY to no other stream.
fn is_left_out(error: &h2::Error) -> bool {
    error.is_remote() && error.is_go_away()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_ours_counts_as_refused() {
        assert!(matches!(of_stream(Reason::REFUSED_STREAM.into()), Error::Reset));
    }
}
