//! Follows the frames of a client, or a backend, (RFC 9113 section 4) by their heads alone.
//!
//! Pure: bytes in, decisions out. The [`Gate`](super::gate::Gate) feeds it and acts. Whether a frame is well-formed is for `h2` to say; what
//! counts here is how many there are, and what is still owed of one that has begun.

use std::rc::Rc;

use pointsman_core::clock::Moment;

use super::allowance::Allowance;
use super::fault::GateFault;
use super::frame_kind::FrameKind;
use super::long_blocks::LongBlocks;

/// Length of what a client begins with, before its first frame (RFC 9113 section 3.4).
pub(super) const PREFACE: usize = 24;

/// Length of a frame's head.
const HEAD: usize = 9;

/// Most CONTINUATION frames in a header block. The largest one that a listener can allow needs half of that.
const MAX_CONTINUATIONS: u16 = 256;

/// The bits of a stream's number; the one above is reserved.
const STREAM_ID: u32 = 0x7fff_ffff;

const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// Follows the frames of one connection.
#[derive(Debug)]
pub struct Frames {
    place: Place,
    /// The preface and the first SETTINGS have come.
    is_greeted: bool,
    /// The header block that hasn't ended.
    block: Option<Block>,
    /// Frames and header blocks that have ended.
    ended: u64,
    allowance: Allowance,
    long_blocks: Rc<LongBlocks>,
}

/// A header block.
#[derive(Debug, Default)]
struct Block {
    /// Its stream.
    stream: u32,
    /// The stream ends with it.
    ends_stream: bool,
    /// Bytes so far, the frame in progress included.
    length: usize,
    /// CONTINUATION frames so far.
    continuations: u16,
    /// It ends with the frame in progress.
    is_last: bool,
}

/// What the next byte belongs to.
#[derive(Debug)]
enum Place {
    /// The preface, of which this much is left.
    Preface(usize),
    /// The head of a frame, of which so many bytes have come.
    Head([u8; HEAD], usize),
    /// The payload of a frame of this kind, of which this much is left.
    Payload(FrameKind, usize),
}

/// What a client has begun and not ended, and must end in time. It is equal to what it was before as long as that hasn't ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owed {
    /// Nothing, or the rest of a frame with a piece of a body, for which bodies have their own limits.
    Nothing,
    /// The preface and the first SETTINGS.
    Greeting,
    /// The rest of a frame, or of a header block; so many have ended before.
    Rest(u64),
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            place: Place::Preface(PREFACE),
            is_greeted: false,
            block: None,
            ended: 0,
            allowance: Allowance::default(),
            long_blocks: Rc::default(),
        }
    }
}

impl Frames {
    /// Those of a client, which tell of its long header blocks.
    #[must_use]
    pub(super) fn of_client(long_blocks: Rc<LongBlocks>) -> Self {
        Self { long_blocks, ..Self::default() }
    }

    /// Those of a backend, which begins without a preface. What it begins with `h2` looks at.
    #[must_use]
    pub fn of_backend(long_blocks: Rc<LongBlocks>) -> Self {
        Self { place: Place::Head([0; HEAD], 0), is_greeted: true, long_blocks, ..Self::default() }
    }

    /// Reads on.
    ///
    /// # Errors
    ///
    /// What the client has done that ends its connection. Nothing of this input may be used.
    pub fn advance(&mut self, mut input: &[u8], now: Moment) -> Result<(), GateFault> {
        while !input.is_empty() {
            match &mut self.place {
                Place::Preface(left) => {
                    let step = input.len().min(*left);
                    input = &input[step..];
                    *left -= step;
                    if *left == 0 {
                        self.place = Place::Head([0; HEAD], 0);
                    }
                }
                Place::Head(head, filled) => {
                    let step = input.len().min(HEAD - *filled);
                    head[*filled..*filled + step].copy_from_slice(&input[..step]);
                    input = &input[step..];
                    *filled += step;
                    if *filled == HEAD {
                        let head = *head;
                        self.begin(head, now)?;
                    }
                }
                Place::Payload(_, left) => {
                    let step = input.len().min(*left);
                    input = &input[step..];
                    *left -= step;
                    if *left == 0 {
                        self.end();
                    }
                }
            }
        }
        Ok(())
    }

    /// Bytes have been sent to the client.
    pub fn sent(&mut self, bytes: usize) {
        self.allowance.earn(bytes as u64);
    }

    /// What the client has begun and not ended.
    #[must_use]
    pub(super) fn owed(&self) -> Owed {
        match self.place {
            _ if !self.is_greeted => Owed::Greeting,
            _ if self.block.is_some() => Owed::Rest(self.ended),
            Place::Preface(_) | Place::Head(_, 0) | Place::Payload(FrameKind::Data, _) => Owed::Nothing,
            Place::Head(..) | Place::Payload(..) => Owed::Rest(self.ended),
        }
    }

    /// Whether the client is within a frame, or a header block.
    #[cfg(any(test, feature = "fuzzing"))]
    #[must_use]
    pub(super) fn is_within_frame(&self) -> bool {
        self.block.is_some() || !matches!(self.place, Place::Head(_, 0))
    }

    /// A frame begins.
    fn begin(&mut self, head: [u8; HEAD], now: Moment) -> Result<(), GateFault> {
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let kind = FrameKind::of(kind);
        if !self.is_greeted && (kind != FrameKind::Settings || flags & ACK != 0) {
            return Err(GateFault::NoSettings);
        }
        let is_last = flags & END_HEADERS != 0;
        match kind {
            FrameKind::Headers => {
                let (stream, ends_stream) = (u32::from_be_bytes(stream) & STREAM_ID, flags & END_STREAM != 0);
                self.block = Some(Block { stream, ends_stream, length, continuations: 0, is_last });
            }
            FrameKind::Continuation => {
                // One that continues nothing is a fault that `h2` finds.
                let block = self.block.get_or_insert_default();
                block.continuations += 1;
                block.length += length;
                block.is_last = is_last;
                if block.continuations > MAX_CONTINUATIONS {
                    return Err(GateFault::Continuations);
                }
            }
            FrameKind::Data if length > 0 || flags & END_STREAM != 0 => {}
            _ if !self.allowance.take(now) => return Err(GateFault::Flood(kind)),
            _ => {}
        }
        if length == 0 {
            self.end();
        } else {
            self.place = Place::Payload(kind, length);
        }
        Ok(())
    }

    /// The frame in progress is whole.
    fn end(&mut self) {
        self.place = Place::Head([0; HEAD], 0);
        self.is_greeted = true;
        if let Some(block) = self.block.take_if(|block| block.is_last)
            && block.ends_stream
        {
            self.long_blocks.ended(block.stream, block.length);
        }
        if self.block.is_none() {
            self.ended += 1;
        }
    }
}

#[cfg(test)]
mod tests;
