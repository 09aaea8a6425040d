//! Reading a response head once more, with more room.

use http::Response;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use super::{ResponseTimeout, Unanswered, UpstreamConnection};
use crate::deadline::Deadline;
use crate::downstream::RequestContext;
use crate::upstream::sent::{SendFailure, Sent};
use crate::upstream::{Error, Upload};

impl UpstreamConnection {
    /// Reads the head of the response to a request once more, with as much room as there may be.
    #[cold]
    pub(in crate::upstream) async fn read_again(
        &mut self,
        context: &RequestContext,
        upload: &Upload,
        timeout: &ResponseTimeout,
        deadline: &Deadline,
    ) -> Result<Response<Incoming>, SendFailure> {
        self.counters.is_last.set(!upload.is_over());
        let failure = |error| SendFailure { error, sent: Sent::ResponseBegun };
        let parts = self.driver.take().ok_or(Error::Reset).map_err(failure)?.into_parts();
        let mut stream = parts.io.into_inner();
        stream.read_again(parts.read_buf);
        self.head_limits.make_room();
        let handshake = self.head_limits.builder().handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(Error::BadResponse).map_err(failure)?;
        (self.sender, self.driver, self.finished) = (sender, Some(driver), false);
        // Nothing is sent of the head that is left; hyper wants to know what the response answers.
        match self.send(context, &Upload::default(), timeout, deadline).await {
            Ok(response) => Ok(response),
            Err(Unanswered::Failed(SendFailure { error, .. })) => Err(failure(error)),
            Err(Unanswered::HeadTooLarge) => {
                Err(failure(self.head_limits.error(self.counters.received.get())))
            }
        }
    }
}
