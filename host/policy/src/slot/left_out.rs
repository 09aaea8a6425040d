//! What a plugin file holds that doesn't serve.

use std::sync::Arc;

use pointsman_core::printable::Printable;

/// A plugin file whose content doesn't serve where it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOutFile {
    /// The file.
    pub file: Arc<str>,
    /// Why it doesn't serve, in words.
    pub reason: Printable,
}
