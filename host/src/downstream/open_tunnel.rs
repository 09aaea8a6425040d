//! A request that has become a tunnel.

use std::cell::Cell;
use std::rc::Rc;

use super::RequestContext;
use crate::access_log::TunnelEnd;

/// A tunnel from its beginning to its end, of both of which it tells.
#[derive(Debug)]
pub struct OpenTunnel {
    context: Rc<RequestContext>,
    carried: Cell<(u64, u64)>,
    error: Cell<Option<&'static str>>,
}

impl OpenTunnel {
    /// The request becomes a tunnel, and its record says who is at the other end.
    #[must_use]
    pub fn begin(context: Rc<RequestContext>) -> Self {
        context.open_tunnel();
        Self { context, carried: Cell::default(), error: Cell::default() }
    }

    /// So many bytes have come from the client by now, and so many have gone there.
    pub fn carry(&self, from_client: u64, to_client: u64) {
        self.carried.set((from_client, to_client));
    }

    /// It has ended for this reason, and not because both sides have closed it.
    pub fn fail(&self, error: &'static str) {
        self.error.set(Some(error));
    }
}

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        let ((received, sent), error) = (self.carried.get(), self.error.get());
        self.context.close_tunnel(TunnelEnd { at: self.context.now(), received, sent, error });
    }
}
