//! The backend connections that belong to one client connection.
//!
//! NTLM and Negotiate authenticate a connection, not a request (RFC 4559): each request on it is the user's. So from such
//! a challenge, or such credentials, on a backend connection belongs to the client connection that it served, and ends with it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use pointsman_core::backend::Backend;
use pointsman_core::pool::Pool;

use super::claim::Claim;
use super::connection::UpstreamConnection;
use super::pinned_slot::{PinnedSlot, close_if_dead};

/// Authentication schemes that are about the connection.
const CONNECTION_SCHEMES: [&[u8]; 3] = [b"ntlm", b"negotiate", b"kerberos"];

/// Most pools to which a client connection has connections of its own.
const MOST_PINNED: usize = 8;

/// The backend connections of one client connection, at most one for each pool.
#[derive(Debug, Default)]
pub struct PinnedConnections(RefCell<Vec<Pinned>>);

#[derive(Debug)]
struct Pinned {
    pool: Arc<Pool>,
    backend: Arc<Backend>,
    slot: Rc<PinnedSlot>,
}

impl PinnedConnections {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The backend of this pool to which there is a connection that can be used.
    pub(super) fn backend_of(&self, pool: &Arc<Pool>) -> Option<Arc<Backend>> {
        let pinned = self.0.borrow();
        let pinned = pinned.iter().find(|pinned| Arc::ptr_eq(&pinned.pool, pool))?;
        close_if_dead(&pinned.slot).then(|| Arc::clone(&pinned.backend))
    }

    /// The connection to a claimed backend, to be used.
    pub(super) fn take(&self, claim: &Claim) -> Option<Box<UpstreamConnection>> {
        let pinned = self.0.borrow();
        let pinned = pinned.iter().find(|pinned| pinned.is_to(claim))?;
        pinned.slot.take()
    }

    /// Keeps a connection that belongs to the client connection from now on.
    pub(super) fn keep(&self, claim: &Claim, connection: Box<UpstreamConnection>) {
        let mut all = self.0.borrow_mut();
        let slot = match all.iter().find(|pinned| pinned.is_to(claim)) {
            Some(pinned) => &pinned.slot,
            None => {
                let pool = claim.pool.pool();
                all.retain(|pinned| !Arc::ptr_eq(&pinned.pool, pool));
                if all.len() == MOST_PINNED {
                    all.remove(0);
                }
                let slot = Rc::<PinnedSlot>::default();
                claim.claimed.idle.watch_pinned(&slot);
                all.push(Pinned {
                    pool: Arc::clone(pool),
                    backend: Arc::clone(claim.shared_backend()),
                    slot,
                });
                let Some(pinned) = all.last() else { return };
                &pinned.slot
            }
        };
        slot.replace(Some(connection));
    }
}

impl Pinned {
    fn is_to(&self, claim: &Claim) -> bool {
        let (ours, theirs) = (&self.backend, claim.shared_backend());
        Arc::ptr_eq(&self.pool, claim.pool.pool())
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
