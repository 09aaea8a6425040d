//! A request on its way to a backend.

use pointsman_core::request::RequestHead;

use super::prompt::Prompt;
use super::random::Work;

/// A request on its way to a backend.
pub(super) struct Request {
    pub(super) head: RequestHead,
    /// How much work it is where a backend doesn't say that by itself.
    pub(super) work: Work,
    /// What a model server is to read and to write.
    pub(super) prompt: Prompt,
    /// What it has in common with others, if requests have keys.
    pub(super) key: Option<u32>,
    /// The proxy that it has come to.
    pub(super) proxy: usize,
    /// When.
    pub(super) arrived: u64,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            head: RequestHead::default(),
            work: Work::Fixed(0.0),
            prompt: Prompt::default(),
            key: None,
            proxy: 0,
            arrived: 0,
        }
    }
}
