//! `[pool.NAME.sticky]`: clients come back to the backend that has served them.

use std::path::PathBuf;
use std::time::Duration;

use pointsman_core::printable::cookie_encode;

use super::read::{Section, Value, choice};
use super::route::key::{COOKIE_AGE, cookie_name};

const HINT: &str = "write `[pool.NAME.sticky]` above its keys, or `sticky = {}` in the pool for the defaults";

/// Sessions that stay with a backend by a cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StickyConfig {
    /// Name of the cookie. `cookie`, `pointsman-` and the pool's name.
    pub cookie: String,
    /// What becomes of a request whose backend can't serve it. `mode`, soft.
    pub mode: StickyMode,
    /// How long a client that doesn't come is remembered; without it, as long as its browser runs. `max_age`, none.
    pub max_age: Option<Duration>,
    /// Which requests from other sites carry the cookie. `same_site`, lax.
    pub same_site: SameSite,
    /// Whether backends don't see the cookie. `strip`, false.
    pub strip: bool,
    /// The file with the secret that marks of backends are made with, and the line that names it. `secret_file`, none.
    pub secret_file: Option<(PathBuf, usize)>,
}

/// What becomes of a request whose backend can't serve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StickyMode {
    /// Another backend serves, and the session moves there.
    Soft,
    /// None does.
    Strict,
}

/// `SameSite` of a cookie (RFC 6265bis section 5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Links from elsewhere carry it, nothing else from there does.
    Lax,
    /// Nothing from elsewhere carries it.
    Strict,
    /// All requests carry it, over TLS: pages of other sites may show this one within them.
    None,
}

/// Reads the section of a pool.
pub(super) fn sticky(value: &Value<'_>, pool: &str) -> Option<StickyConfig> {
    Section::read(value, HINT, |section| {
        let cookie = match section.get("cookie") {
            Some(value) => value.string().and_then(|name| cookie_name(&value, name)),
            // Each pool has a name of its own, as two may serve one site.
            None => Some(format!("pointsman-{}", cookie_encode(pool))),
        };
        let modes = [("soft", StickyMode::Soft), ("strict", StickyMode::Strict)];
        let mode = choice(section, "mode", StickyMode::Soft, &modes);
        let max_age = section.optional_duration("max_age", COOKIE_AGE);
        let places = [("lax", SameSite::Lax), ("strict", SameSite::Strict), ("none", SameSite::None)];
        let same_site = choice(section, "same_site", SameSite::Lax, &places);
        let strip = section.boolean("strip", false);
        let secret_file = match section.get("secret_file") {
            Some(value) => value.path().map(|path| Some((path, value.line()))),
            None => Some(None),
        };
        let (mode, same_site, secret_file) = (mode?, same_site?, secret_file?);
        Some(StickyConfig { cookie: cookie?, mode, max_age, same_site, strip, secret_file })
    })
}
