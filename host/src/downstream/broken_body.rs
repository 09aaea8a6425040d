//! A request body that doesn't come to its end.

/// The client has broken off its body, or something of it was refused. Its context says what.
#[derive(Debug, thiserror::Error)]
#[error("the request body has broken off")]
pub struct BrokenBody;
