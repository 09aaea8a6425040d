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
    /// The backends that change: their names, or `{ zone = "a" }`. `backends`, all.
    #[serde(default)]
    pub backends: Option<Concerned>,
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

/// Backends that an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "the names of backends, or a table with their `zone`")]
pub enum Concerned {
    /// Those of these names.
    Named(Vec<String>),
    /// Those that stand in a zone.
    In(Zone),
}

/// Where backends stand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// The name of the zone.
    pub zone: String,
}

impl Event {
    /// Whether it is about the backend of this name, which stands in this zone.
    #[must_use]
    pub fn concerns(&self, name: &str, zone: &str) -> bool {
        match &self.backends {
            None => true,
            Some(Concerned::Named(names)) => names.iter().any(|named| named == name),
            Some(Concerned::In(place)) => place.zone == zone,
        }
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
