//! What h2 is told to keep to. Without these, most of it would be unlimited.

use h2::server::Builder;

use crate::config::DownstreamLimits;
use crate::downstream::http2::LongBlocks;
use crate::stream::LONGEST_PIECE;

/// What may wait in a stream for the connection to take it, bytes: two frames, so that one is at hand when the other has gone, and
/// not a byte more, which would become a frame of its own.
pub(super) const SEND_BUFFER: usize = 2 * LONGEST_PIECE;

/// Streams that the client has reset before they were looked at. A browser may cancel a page's requests all at once.
const PENDING_RESETS: usize = 200;

/// Streams that we have reset for a fault of the client's, in a connection's life (CVE-2025-8671).
const LOCAL_RESETS: usize = 1024;

/// Over its limit, h2 drops trailers without a word and answers heads by itself: what is over ours must get here.
fn list(limits: &DownstreamLimits) -> usize {
    limits.max_header_bytes.saturating_mul(2)
}

/// What finds the streams whose trailers are over h2's limit, too.
pub(super) fn long_blocks(limits: &DownstreamLimits) -> LongBlocks {
    LongBlocks::new(list(limits), limits.max_header_bytes)
}

/// h2's side of a client's connection.
pub(super) fn builder(limits: &DownstreamLimits) -> Builder {
    let mut builder = Builder::new();
    let list = u32::try_from(list(limits)).unwrap_or(u32::MAX);
    builder
        .max_concurrent_streams(limits.http2_limits.max_streams)
        .initial_window_size(limits.http2_limits.stream_window)
        .initial_connection_window_size(limits.http2_limits.connection_window)
        .max_frame_size(limits.http2_limits.max_frame)
        .max_header_list_size(list)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(Some(LOCAL_RESETS))
        .enable_connect_protocol();
    builder
}
