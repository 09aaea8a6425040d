//! Why a client's connection over HTTP/2 ends as a whole.

use h2::Reason;

use super::frame_kind::FrameKind;

/// What a client has done to its connection. Requests that are merely refused leave it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GateFault {
    /// The first frame isn't SETTINGS (RFC 9113 section 3.4).
    #[error("first frame isn't SETTINGS")]
    NoSettings,
    /// The preface and the first SETTINGS have taken longer than `header_timeout`.
    #[error("preface took too long")]
    PrefaceTimeout,
    /// A header block, or another frame that isn't one of a body, has taken longer than `header_timeout`.
    #[error("header block or frame took too long")]
    HeaderTimeout,
    /// A header block comes in more pieces than any needs.
    #[error("too many CONTINUATION frames in a header block")]
    Continuations,
    /// Too many frames that move nothing, the last of this kind.
    #[error("too many frames that move nothing, the last one {0:?}")]
    Flood(FrameKind),
}

impl GateFault {
    /// What the client is told.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::NoSettings => Reason::PROTOCOL_ERROR,
            Self::PrefaceTimeout | Self::HeaderTimeout | Self::Continuations | Self::Flood(_) => {
                Reason::ENHANCE_YOUR_CALM
            }
        }
    }

    /// The name of the fault in logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NoSettings => "no-settings",
            Self::PrefaceTimeout => "preface-timeout",
            Self::HeaderTimeout => "header-timeout",
            Self::Continuations => "continuation-flood",
            Self::Flood(FrameKind::Data) => "empty-data-flood",
            Self::Flood(FrameKind::Priority) => "priority-flood",
            Self::Flood(FrameKind::Reset) => "reset-flood",
            Self::Flood(FrameKind::Settings) => "settings-flood",
            Self::Flood(FrameKind::Ping) => "ping-flood",
            Self::Flood(FrameKind::WindowUpdate) => "window-update-flood",
            Self::Flood(FrameKind::Headers | FrameKind::Continuation | FrameKind::Other) => {
                "unknown-frame-flood"
            }
        }
    }
}
