//! One client connection on its way through the proxy, and the backend connections that are its own.
//!
//! NTLM and Negotiate authenticate a connection, not a request (RFC 4559): whoever sends a request on it is the user. So from such
//! a challenge, or such credentials, on a backend connection belongs to the client connection that it served, and ends with it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use pointsman_core::backend::Backend;
use pointsman_core::pool::Pool;

use super::balancer::Claim;
use super::connection::UpstreamConnection;
use super::tunnel::Tunnel;
use crate::downstream::Client;

/// Authentication schemes that are about the connection.
const CONNECTION_SCHEMES: [&[u8]; 3] = [b"ntlm", b"negotiate", b"kerberos"];

/// A client connection has own connections to at most so many pools.
const MOST_PINNED: usize = 8;

/// One client connection on its way through the proxy.
#[derive(Debug)]
pub struct Session {
    /// The client.
    pub client: Rc<Client>,
    /// The backend's end, once both sides have changed the protocol.
    pub tunnel: RefCell<Option<Tunnel>>,
    /// Its own connections, at most one for each pool.
    pinned: RefCell<Vec<Pinned>>,
}

/// Where a connection that belongs to a session waits for the next request. It is shared with the backend's idle connections, as
/// it may have to go when another request needs its place.
pub(super) type PinnedSlot = RefCell<Option<Box<UpstreamConnection>>>;

#[derive(Debug)]
struct Pinned {
    pool: Arc<Pool>,
    backend: Arc<Backend>,
    slot: Rc<PinnedSlot>,
}

impl Session {
    /// A new connection.
    #[must_use]
    pub fn new(client: Rc<Client>) -> Self {
        Self { client, tunnel: RefCell::default(), pinned: RefCell::default() }
    }

    /// Whether there may be connections that are its own.
    #[must_use]
    pub fn has_pinned(&self) -> bool {
        !self.pinned.borrow().is_empty()
    }

    /// The backend of this pool to which it has a connection of its own that can be used.
    pub(super) fn pinned_to(&self, pool: &Arc<Pool>) -> Option<Arc<Backend>> {
        let pinned = self.pinned.borrow();
        let pinned = pinned.iter().find(|pinned| Arc::ptr_eq(&pinned.pool, pool))?;
        close_if_dead(&pinned.slot).then(|| Arc::clone(&pinned.backend))
    }

    /// Its own connection to a backend, to be used.
    pub(super) fn take_pinned(&self, claim: &Claim) -> Option<Box<UpstreamConnection>> {
        let pinned = self.pinned.borrow();
        let pinned = pinned.iter().find(|pinned| pinned.is_to(claim))?;
        pinned.slot.take()
    }

    /// Keeps a connection that is its own from now on.
    pub(super) fn keep_pinned(&self, claim: &Claim, connection: Box<UpstreamConnection>) {
        let mut all = self.pinned.borrow_mut();
        let slot = match all.iter().find(|pinned| pinned.is_to(claim)) {
            Some(pinned) => &pinned.slot,
            None => {
                let pool = claim.pool().pool();
                all.retain(|pinned| !Arc::ptr_eq(&pinned.pool, pool));
                if all.len() == MOST_PINNED {
                    all.remove(0);
                }
                let slot = Rc::<PinnedSlot>::default();
                claim.idle().watch_pinned(&slot);
                all.push(Pinned { pool: Arc::clone(pool), backend: Arc::clone(claim.backend()), slot });
                let Some(pinned) = all.last() else { return };
                &pinned.slot
            }
        };
        slot.replace(Some(connection));
    }
}

/// Closes the connection in a slot if its backend has; whether there is one left.
pub(super) fn close_if_dead(slot: &PinnedSlot) -> bool {
    let mut connection = slot.borrow_mut();
    let is_alive = connection.as_mut().is_some_and(|connection| connection.is_ready());
    if !is_alive {
        *connection = None;
    }
    is_alive
}

impl Pinned {
    fn is_to(&self, claim: &Claim) -> bool {
        let (ours, theirs) = (&self.backend, claim.backend());
        Arc::ptr_eq(&self.pool, claim.pool().pool())
            && ours.name == theirs.name
            && ours.address == theirs.address
    }
}

/// Whether a response asks for the authentication of its connection.
pub(super) fn authenticates_connection<B>(response: &Response<B>) -> bool {
    let name = match response.status() {
        StatusCode::UNAUTHORIZED => WWW_AUTHENTICATE,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => PROXY_AUTHENTICATE,
        _ => return false,
    };
    response.headers().get_all(name).iter().any(names_connection_scheme)
}

/// Whether a challenge, or one of several in a list, or credentials are of a scheme that authenticates the connection.
#[must_use]
pub fn names_connection_scheme(value: &HeaderValue) -> bool {
    value.as_bytes().split(|&byte| byte == b',').any(|challenge| {
        let scheme = challenge.trim_ascii_start().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        CONNECTION_SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_found_wherever_they_stand() {
        for (value, found) in [
            ("NTLM", true),
            ("negotiate", true),
            ("Negotiate oYG2MIGz", true),
            ("Kerberos", true),
            ("Basic realm=\"x\", NTLM", true),
            ("Digest realm=\"x\",  Negotiate abc", true),
            ("Basic realm=\"NTLM\"", false),
            ("Bearer NTLM", false),
            ("NTLMSSP", false),
            ("", false),
        ] {
            assert_eq!(names_connection_scheme(&HeaderValue::from_static(value)), found, "{value}");
        }
    }
}
