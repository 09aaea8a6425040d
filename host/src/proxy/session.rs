//! What ties a request to a backend before the policy is asked: the client's session, or its connection.

use std::cell::Cell;
use std::rc::Rc;

use http::HeaderMap;
use http::header::SET_COOKIE;
use pointsman_core::backend::Backend;
use pointsman_core::counts::SessionResult;
use pointsman_core::request::RequestHead;
use pointsman_policy::Pick;

use crate::downstream::RequestContext;
use crate::sticky::{self, Mark, Presented, Sticky};
use crate::upstream::{Balancer, Bound, Claimed, PinnedConnections};

/// What ties a request to a backend.
#[derive(Debug)]
pub(super) struct Affinity {
    /// The client's own connections to backends.
    pub(super) pinned: Rc<PinnedConnections>,
    /// The session that the request belongs to, if the pool's clients have some.
    pub(super) session: Option<Box<Session>>,
}

impl Affinity {
    /// That of a request to the pool of this balancer.
    #[inline]
    pub(super) fn of(balancer: &Balancer, head: &RequestHead, pinned: Rc<PinnedConnections>) -> Self {
        Self { pinned, session: Session::of(balancer, head) }
    }
}

/// The session of one request.
#[derive(Debug)]
pub(super) struct Session {
    presented: Presented,
    over_tls: bool,
    /// The backend of the session is full: another one serves this request, and the session stays.
    is_away: Cell<bool>,
    /// Whose response the client gets.
    served_by: Cell<Option<Mark>>,
}

impl Session {
    /// That of a request to the pool of this balancer, if its clients have sessions.
    #[inline]
    fn of(balancer: &Balancer, head: &RequestHead) -> Option<Box<Self>> {
        Some(Box::new(Self {
            presented: balancer.session(head)?,
            over_tls: head.tls,
            is_away: Cell::default(),
            served_by: Cell::default(),
        }))
    }

    /// Claims the backend of the session. The policy is asked if there is none, or it can't serve and another one may.
    pub(super) fn claim(&self, balancer: &Balancer, head: &mut RequestHead) -> Claimed {
        let (Some(mark), Some(sticky)) = (self.presented.mark, balancer.worker_pool().sticky()) else {
            return balancer.claim(head);
        };
        self.is_away.set(false);
        match balancer.claim_bound(sticky, mark, head) {
            Bound::Claimed(claim) => Claimed::Backend(claim),
            Bound::Full if sticky.is_strict() => Claimed::AllFull,
            Bound::Unfit if sticky.is_strict() => Claimed::NoPick(Pick::Unavailable),
            Bound::Full => {
                self.is_away.set(true);
                balancer.claim(head)
            }
            Bound::Unfit => balancer.claim(head),
        }
    }

    /// Whether no backend but its own may serve it.
    pub(super) fn is_strict(&self, balancer: &Balancer) -> bool {
        self.presented.mark.is_some() && balancer.worker_pool().sticky().is_some_and(Sticky::is_strict)
    }

    /// Takes out of a head what backends don't see.
    pub(super) fn strip(balancer: &Balancer, headers: &mut HeaderMap) {
        if let Some(name) = balancer.worker_pool().sticky().and_then(Sticky::stripped) {
            sticky::strip(headers, name);
        }
    }

    /// The client gets the response of this backend.
    pub(super) fn served_by(&self, balancer: &Balancer, backend: &Backend) {
        if let Some(sticky) = balancer.worker_pool().sticky() {
            self.served_by.set(Some(sticky.mark(backend)));
        }
    }

    /// Binds the client to the backend whose response it gets, unless it is or has only come by.
    pub(super) fn respond(&self, balancer: &Balancer, context: &Rc<RequestContext>, headers: &mut HeaderMap) {
        let (Some(served_by), Some(sticky)) = (self.served_by.get(), balancer.worker_pool().sticky()) else {
            return;
        };
        let result = match self.presented.mark {
            None => SessionResult::New,
            Some(mark) if mark == served_by => SessionResult::Kept,
            Some(_) if self.is_away.get() => SessionResult::Full,
            Some(_) => SessionResult::Moved,
        };
        let reports = context.connection().reports.worker();
        reports.of_pool(balancer.worker_pool().local_pool()).session(result);
        let gets_cookie = match result {
            SessionResult::New | SessionResult::Moved => true,
            SessionResult::Kept => self.presented.is_due,
            SessionResult::Full => false,
        };
        if gets_cookie && let Some(cookie) = sticky.set_cookie(served_by, self.over_tls) {
            headers.append(SET_COOKIE, cookie);
        }
    }
}
