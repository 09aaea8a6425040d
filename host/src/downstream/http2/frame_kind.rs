//! Kinds of frames.

/// Kinds of frames, as far as they matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A piece of a body.
    Data,
    /// A header block, or its first piece.
    Headers,
    /// The priority of a stream, which means nothing any more (RFC 9113 section 5.3).
    Priority,
    /// RST_STREAM.
    Reset,
    /// Settings of the connection, or that ours are known.
    Settings,
    /// A question whether we are here, or the answer to ours.
    Ping,
    /// How much more the client takes.
    WindowUpdate,
    /// A further piece of a header block.
    Continuation,
    /// One that clients have no reason to send often, or that isn't known.
    Other,
}

impl FrameKind {
    /// The kind of this number (RFC 9113 section 6).
    #[must_use]
    pub fn of(kind: u8) -> Self {
        match kind {
            0x0 => Self::Data,
            0x1 => Self::Headers,
            0x2 => Self::Priority,
            0x3 => Self::Reset,
            0x4 => Self::Settings,
            0x6 => Self::Ping,
            0x8 => Self::WindowUpdate,
            0x9 => Self::Continuation,
            // PUSH_PROMISE and GOAWAY among them.
            _ => Self::Other,
        }
    }
}
