//! The backend connections that belong to one client connection.
//!
//! A connection with a PROXY header serves the client that this names, and no other.
//!
//! NTLM and Negotiate authenticate a connection, not a request (RFC 4559): each request on it is the user's. So from such
//! a challenge, or such credentials, on a backend connection belongs to the client connection that it served, and ends with it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use pointsman_core::backend::Backend;
use pointsman_core::clock::Moment;
use pointsman_core::pool::{BackendProtocol, Pool};

use super::claim::Claim;
use super::connection::{Owner, UpstreamConnection};
use super::pinned_slot::{PinnedSlot, close_if_dead};
use super::pool::{is_same_place, is_same_tls};
use crate::tls::BackendTls;

/// Authentication schemes that are about the connection.
const CONNECTION_SCHEMES: [&[u8]; 3] = [b"ntlm", b"negotiate", b"kerberos"];

/// Most connections of its own that a client connection has.
const MOST_PINNED: usize = 8;

/// The backend connections of one client connection, at most one for each backend.
#[derive(Debug, Default)]
pub struct PinnedConnections(RefCell<Vec<Pinned>>);

#[derive(Debug)]
struct Pinned {
    pool: Arc<Pool>,
    backend: Arc<Backend>,
    slot: Rc<PinnedSlot>,
    /// What the connection was made over.
    tls: Option<Arc<BackendTls>>,
    /// What the backends were to be spoken to in when it was made.
    protocol: BackendProtocol,
    /// The client is authenticated on it: its requests to this pool have to go over it.
    is_authenticated: bool,
}

impl PinnedConnections {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The backend of this pool to which requests have to go, over a connection that can be used.
    pub(super) fn backend_of(&self, pool: &Arc<Pool>) -> Option<Arc<Backend>> {
        let pinned = self.0.borrow();
        let pinned =
            pinned.iter().find(|pinned| pinned.is_authenticated && Arc::ptr_eq(&pinned.pool, pool))?;
        close_if_dead(&pinned.slot).then(|| Arc::clone(&pinned.backend))
    }

    /// The connection to a claimed backend, to be used.
    pub(super) fn take(&self, claim: &Claim) -> Option<Box<UpstreamConnection>> {
        let pinned = self.0.borrow();
        let pinned = pinned.iter().find(|pinned| pinned.is_to(claim))?;
        pinned.slot.take()
    }

    /// Keeps a connection that belongs to the client connection from now on.
    pub(super) fn keep(&self, claim: &Claim, mut connection: Box<UpstreamConnection>, now: Moment) {
        let mut all = self.0.borrow_mut();
        let is_authenticated = connection.owner == Owner::Authenticated;
        if is_authenticated {
            let pool = claim.pool.pool();
            all.retain(|pinned| pinned.is_to(claim) || !Arc::ptr_eq(&pinned.pool, pool));
        } else {
            // Another one of the client's is as good, if it turns out closed.
            connection.reused = true;
        }
        connection.idle_since = now;
        if let Some(pinned) = all.iter_mut().find(|pinned| pinned.is_to(claim)) {
            pinned.is_authenticated = is_authenticated;
            pinned.slot.replace(Some(connection));
            return;
        }
        if all.len() == MOST_PINNED {
            all.remove(0);
        }
        let slot = Rc::new(PinnedSlot::new(Some(connection)));
        claim.claimed.idle.watch_pinned(&slot);
        let (pool, backend) = (Arc::clone(claim.pool.pool()), Arc::clone(claim.shared_backend()));
        let (tls, protocol) = (claim.pool.tls().cloned(), claim.pool.limits().protocol);
        all.push(Pinned { pool, backend, slot, tls, protocol, is_authenticated });
    }
}

impl Pinned {
    fn is_to(&self, claim: &Claim) -> bool {
        let (ours, theirs) = (&self.backend, claim.shared_backend());
        Arc::ptr_eq(&self.pool, claim.pool.pool())
            && ours.name == theirs.name
            && is_same_place(ours, theirs)
            && is_same_tls(self.tls.as_ref(), claim.pool.tls())
            && self.protocol == claim.pool.limits().protocol
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
