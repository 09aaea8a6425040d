//! What became of clients' sessions with backends.

/// How a response relates to the session of its client, in the words of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionResult {
    /// The client had none, or one that was over, and has one from now on.
    New,
    /// It came to its backend.
    Kept,
    /// Its backend couldn't serve it, and it is bound to another one from now on.
    Moved,
    /// Its backend was full, so that another one has served it for this once.
    Full,
}

impl SessionResult {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::New, Self::Kept, Self::Moved, Self::Full];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Kept => "kept",
            Self::Moved => "moved",
            Self::Full => "full",
        }
    }
}
