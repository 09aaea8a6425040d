//! The questions of authorities that are expected, and what they are answered with.

use std::sync::Arc;

use crate::http_challenge::HttpChallenges;
use crate::tls::AlpnChallenges;

/// Where answers are put for those who serve connections.
#[derive(Debug, Clone, Default)]
pub struct Challenges {
    /// For questions over HTTP.
    pub http: Arc<HttpChallenges>,
    /// For questions by handshakes.
    pub tls: Arc<AlpnChallenges>,
}
