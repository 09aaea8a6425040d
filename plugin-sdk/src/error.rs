//! Why a policy refuses to start.

use std::fmt;

/// Why a policy refuses its configuration or its topology, in words for the operator.
///
/// The text ends up in the host's log and in the answer to the request for the swap. Say what is wrong and what would be right,
/// in one line of at most [`abi::limit::TEXT_BYTES`](crate::abi::limit::TEXT_BYTES).
///
/// ```
/// use pointsman_sdk::Error;
///
/// fn share(percent: u32) -> Result<f64, Error> {
///     if percent > 100 {
///         return Err(Error::new(format!("percent = {percent}: must be 0 to 100")));
///     }
///     Ok(f64::from(percent) / 100.0)
/// }
/// assert_eq!(share(101).unwrap_err().to_string(), "percent = 101: must be 0 to 100");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    text: String,
}

impl Error {
    /// An error with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
