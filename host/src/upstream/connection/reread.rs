//! Reading a response head once more, with more room.

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use super::{ResponseTimeout, UpstreamConnection};
use crate::deadline::Deadline;
use crate::upstream::sent::{SendFailure, Sent};
use crate::upstream::{Error, Upload};

impl UpstreamConnection {
    /// Reads the head of a response to such a request once more, with as much room as there may be.
    #[cold]
    pub(super) async fn read_with_more_room(
        &mut self,
        method: Method,
        timeout: ResponseTimeout,
        deadline: &Deadline,
    ) -> Result<Response<Incoming>, SendFailure> {
        let failure = |error| SendFailure { error, sent: Sent::ResponseBegun };
        let parts = self.driver.take().ok_or(Error::Reset).map_err(failure)?.into_parts();
        let mut stream = parts.io.into_inner();
        stream.read_again(parts.read_buf);
        self.head_limits.make_room();
        let handshake = self.head_limits.builder().handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(Error::BadResponse).map_err(failure)?;
        (self.sender, self.driver, self.finished) = (sender, Some(driver), false);
        // Nothing of it is sent; hyper wants to know what the response answers.
        let mut stand_in = Request::new(()).into_parts().0;
        stand_in.method = method;
        self.send(&mut stand_in, &Upload::default(), timeout, deadline)
            .await
            .map_err(|SendFailure { error, .. }| failure(error))
    }
}
