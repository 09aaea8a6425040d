//! A route that leads to several pools.

use std::rc::Rc;

use http::HeaderValue;
use pointsman_core::printable::cookie_encode;
use pointsman_core::request::RequestHead;
use pointsman_core::request_key::RequestKey;
use pointsman_core::shares::Shares;

use crate::config::{SameSite, SplitConfig, SplitCookie};
use crate::sticky::set_cookie;
use crate::upstream::Balancer;

/// Pools of which one serves a request: by chance, by a part of the request, or as the client's cookie says.
#[derive(Debug)]
pub struct Split {
    arms: Box<[Arm]>,
    shares: Shares,
    by: Option<RequestKey>,
    /// By which a client says where it was sent before.
    cookie: Option<RequestKey>,
}

/// One of the pools.
#[derive(Debug)]
struct Arm {
    balancer: Rc<Balancer>,
    /// What its pool is called in cookies.
    name: String,
    /// What its clients are given to come back to it: in clear, and over TLS.
    cookies: Option<[HeaderValue; 2]>,
}

/// Where a request goes.
pub(super) struct Chosen<'a> {
    pub(super) balancer: &'a Rc<Balancer>,
    /// The cookie by which its client stays there, if it has to get one.
    pub(super) cookie: Option<&'a HeaderValue>,
    /// Which of the target's pools it is.
    pub(super) place: usize,
}

impl Split {
    /// A split over the balancers of these pools; `None` if there is none for one of them.
    pub fn new(config: &SplitConfig, balancer: impl Fn(usize) -> Option<Rc<Balancer>>) -> Option<Self> {
        let arm = |pool: usize| {
            let balancer = balancer(pool)?;
            let name = cookie_encode(&balancer.pool().name);
            let cookies = config.cookie.as_ref().map(|cookie| cookies(cookie, &name));
            let cookies = cookies.transpose().ok()?;
            Some(Arm { balancer, name, cookies })
        };
        let arms = config.shares.iter().map(|(pool, _)| arm(*pool)).collect::<Option<_>>()?;
        Some(Self {
            arms,
            shares: Shares::new(config.shares.iter().map(|(_, weight)| *weight))?,
            by: config.by.clone(),
            cookie: config.cookie.as_ref().map(|cookie| RequestKey::Cookie(cookie.name.clone())),
        })
    }

    /// What picks for a request.
    ///
    /// A client that comes with the cookie of a pool stays with it, even if the pool's weight is 0 by now: so a weight of 0 lets a pool
    /// run empty.
    pub(super) fn choose(&self, head: &RequestHead, draw: impl FnOnce() -> u64) -> Chosen<'_> {
        if let Some(place) = self.chosen_before(head) {
            return Chosen { balancer: &self.arms[place].balancer, cookie: None, place };
        }
        let content = self.by.as_ref().and_then(|key| key.content(head));
        let share = content.map_or_else(|| self.shares.at(draw()), |content| self.shares.of(&content));
        // There is an arm for each share.
        let place = share.min(self.arms.len() - 1);
        let arm = &self.arms[place];
        let cookie = arm.cookies.as_ref().map(|cookies| &cookies[usize::from(head.tls)]);
        Chosen { balancer: &arm.balancer, cookie, place }
    }

    fn chosen_before(&self, head: &RequestHead) -> Option<usize> {
        let name = self.cookie.as_ref()?.content(head)?;
        self.arms.iter().position(|arm| arm.name.as_bytes() == &*name)
    }
}

/// The cookie of a pool, in clear and over TLS.
fn cookies(cookie: &SplitCookie, pool: &str) -> Result<[HeaderValue; 2], http::header::InvalidHeaderValue> {
    let field = |over_tls| set_cookie(&cookie.name, pool, SameSite::Lax, cookie.max_age, over_tls);
    Ok([HeaderValue::from_str(&field(false))?, HeaderValue::from_str(&field(true))?])
}
