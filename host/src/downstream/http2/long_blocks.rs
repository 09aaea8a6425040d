//! Header blocks of which `h2` may have left something out.

use std::cell::RefCell;
use std::collections::VecDeque;

/// Streams that are remembered. Whoever has a stream forgotten has sent as many long blocks since, on the same connection.
const REMEMBERED: usize = 256;

/// The streams that ended with a header block which `h2` may have cut.
///
/// Over its limit `h2` leaves out fields of trailers without a word, so that what is left looks whole. As that limit is higher than ours,
/// what is left fits into ours only if one of the fields left out was longer than the difference. Huffman coding makes of a byte five
/// bits at the least (RFC 7541 appendix B), and no field of that length is in a table (4,096 bytes): so its block is long, and blocks are
/// measured as they come.
#[derive(Debug)]
pub struct LongBlocks {
    /// Bytes of a block, compressed, from which on it may have been cut.
    least: usize,
    streams: RefCell<VecDeque<u32>>,
}

impl LongBlocks {
    /// `h2` keeps fields up to `list` bytes, and those up to `allowed` pass.
    #[must_use]
    pub fn new(list: usize, allowed: usize) -> Self {
        Self { least: list.saturating_sub(allowed) / 8 * 5, streams: RefCell::default() }
    }

    /// Whether this stream has ended with such a block.
    #[must_use]
    pub fn has(&self, stream: u32) -> bool {
        self.streams.borrow().contains(&stream)
    }

    /// A stream has ended with a header block of this length.
    pub(super) fn ended(&self, stream: u32, length: usize) {
        if length >= self.least {
            let mut streams = self.streams.borrow_mut();
            if streams.len() == REMEMBERED {
                streams.pop_front();
            }
            streams.push_back(stream);
        }
    }
}

impl Default for LongBlocks {
    /// No block is long.
    fn default() -> Self {
        Self { least: usize::MAX, streams: RefCell::default() }
    }
}
