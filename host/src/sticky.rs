//! Sticky sessions: by a cookie, a client comes back to the backend that has served it.
//!
//! The cookie holds a mark of the backend, not its name or address: an HMAC of pool and name (RFC 2104), so that it tells nobody anything,
//! is the same on all proxies with one secret, and outlives a change of the address.

mod cookie;
mod marks;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use pointsman_core::backend::{Backend, BackendIndex};
use pointsman_core::parameters::of_cookies;
use pointsman_core::topology::Topology;

use crate::config::{StickyConfig, StickyMode};
use cookie::Value;
pub use cookie::{set_cookie, strip};
pub use marks::Mark;
use marks::Marks;

/// Sessions of a pool, and the secret that their marks are made with.
#[derive(Debug, PartialEq, Eq)]
pub struct StickySettings {
    config: StickyConfig,
    secret: Box<[u8]>,
}

impl StickySettings {
    /// Sessions like that. An empty secret is none: who knows the names of backends can then make marks.
    #[must_use]
    pub fn new(config: StickyConfig, secret: &[u8]) -> Self {
        Self { config, secret: secret.trim_ascii_end().into() }
    }
}

/// What clocks that agree may show between them: cookies hold whole seconds.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// The sessions of a pool on one worker.
#[derive(Debug)]
pub struct Sticky {
    settings: Arc<StickySettings>,
    marks: RefCell<Marks>,
}

/// What a client says of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// The backend that it was bound to; `None` if it has no session, or one that is over.
    pub mark: Option<Mark>,
    /// Its cookie is to be given anew, before it is too old.
    pub is_due: bool,
}

impl Sticky {
    /// No backend is known yet.
    #[must_use]
    pub fn new(settings: Arc<StickySettings>, pool: &str) -> Self {
        let marks = RefCell::new(Marks::new(&settings.secret, pool));
        Self { settings, marks }
    }

    /// How sessions are to be.
    #[must_use]
    pub fn settings(&self) -> &Arc<StickySettings> {
        &self.settings
    }

    /// Whether a session ends with its backend.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.settings.config.mode == StickyMode::Strict
    }

    /// Name of the cookie, if backends don't see it.
    #[must_use]
    pub fn stripped(&self) -> Option<&str> {
        let config = &self.settings.config;
        config.strip.then_some(&*config.cookie)
    }

    /// The session that a client comes with. Of several cookies of the name, such as those of a domain above, the first one counts whose
    /// mark is that of a backend that there is. Any other is none: it may be of another secret, or of a backend that has left for good.
    #[must_use]
    pub fn presented(&self, headers: &HeaderMap, topology: &Topology) -> Presented {
        let config = &self.settings.config;
        let values = of_cookies(headers, config.cookie.as_bytes()).filter_map(Value::parse);
        let mut known = values.filter(|value| self.place(value.mark, topology).is_some());
        let Some(Value { mark, issued }) = known.next() else {
            return Presented { mark: None, is_due: false };
        };
        let (Some(max_age), Some(issued)) = (config.max_age, issued) else {
            // One without a time was given before there was an age.
            return Presented { mark: Some(mark), is_due: config.max_age.is_some() };
        };
        let (age, ahead) = (now().saturating_sub(issued), issued.saturating_sub(now()));
        // Browsers forget the cookie by their own clocks, so one that was given by a clock ahead of this one is given anew.
        let is_due = age > max_age / 2 || ahead > CLOCK_STEP;
        Presented { mark: (age.max(ahead) <= max_age).then_some(mark), is_due }
    }

    /// Where the backend with this mark is.
    #[must_use]
    pub fn place(&self, mark: Mark, topology: &Topology) -> Option<BackendIndex> {
        self.marks.borrow_mut().place(mark, topology)
    }

    /// The mark of a backend.
    #[must_use]
    pub fn mark(&self, backend: &Backend) -> Mark {
        self.marks.borrow_mut().of(&backend.name)
    }

    /// The field that binds a client to the backend with this mark.
    #[must_use]
    pub fn set_cookie(&self, mark: Mark, over_tls: bool) -> Option<http::HeaderValue> {
        let config = &self.settings.config;
        let value = Value { mark, issued: config.max_age.is_some().then(now) }.to_string();
        let field = set_cookie(&config.cookie, &value, config.same_site, config.max_age, over_tls);
        http::HeaderValue::from_str(&field).ok()
    }
}

/// The time since 1970, in whole seconds: proxies share no other clock.
fn now() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(now.as_secs())
}

#[cfg(test)]
mod tests;
