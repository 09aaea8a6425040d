//! What happens in a run.

use serde::Deserialize;

use super::service::Service;
use crate::time_span::TimeSpan;

/// A change of backends, or of the policy, at a moment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: TimeSpan,
    /// When it ends; none = never. Then all is as other events say that go on, the latest first, and else as it was at first. `until`.
    #[serde(default)]
    pub until: Option<TimeSpan>,
    /// The names of the backends that change. `backends`, all.
    #[serde(default)]
    pub backends: Option<Vec<String>>,
    /// How fast they work from now on, disturbed or not, and at what they have begun as well. `speed`.
    #[serde(default)]
    pub speed: Option<f64>,
    /// How much work their requests are from now on. `service`.
    #[serde(default)]
    pub service: Option<Service>,
    /// Whether connections to them are refused. `refuse`.
    #[serde(default)]
    pub refuse: Option<bool>,
    /// They answer all requests with this status at once, 100 to 599; 0 = as usual. `status`.
    #[serde(default)]
    pub status: Option<u16>,
    /// Whether the proxies know them as healthy. `healthy`.
    #[serde(default)]
    pub healthy: Option<bool>,
    /// Whether they are in the pool: they leave it or come back to it. `member`.
    #[serde(default)]
    pub member: Option<bool>,
    /// Their weight, 0.001 to 1,000. `weight`.
    #[serde(default)]
    pub weight: Option<f64>,
}

impl Event {
    /// Whether it is about the backend of this name.
    #[must_use]
    pub fn concerns(&self, name: &str) -> bool {
        self.backends.as_ref().is_none_or(|backends| backends.iter().any(|backend| backend == name))
    }

    /// Whether it says nothing that changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { speed, service, refuse, status, healthy, member, weight, .. } = self;
        speed.is_none()
            && service.is_none()
            && refuse.is_none()
            && status.is_none()
            && healthy.is_none()
            && member.is_none()
            && weight.is_none()
    }
}
