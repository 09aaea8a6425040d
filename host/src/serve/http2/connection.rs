//! What a connection of HTTP/2 consists of.

use std::rc::Rc;

use bytes::Bytes;
use h2::server;

use super::outflow::Outflow;
use super::settings;
use crate::deadline::Deadlines;
use crate::downstream::ClientConnection;
use crate::downstream::http2::{Gate, Intake, LongBlocks};
use crate::drain::DrainGuard;
use crate::listener::IdleClients;
use crate::proxy::Current;
use crate::upstream::PinnedConnections;

/// What serves the requests of one connection.
pub(in crate::serve) struct Http2 {
    pub(super) current: Rc<Current>,
    pub(super) client: Rc<ClientConnection>,
    pub(super) intake: Intake,
    pub(super) pinned: Rc<PinnedConnections>,
    pub(super) drain: DrainGuard,
    pub(super) idle: Rc<IdleClients>,
    pub(super) deadlines: Deadlines,
    pub(super) outflow: Outflow,
    /// Streams of which `h2` may have cut the trailers.
    pub(super) long_blocks: Rc<LongBlocks>,
}

/// The connection as h2 has it.
pub(super) type Connection = server::Connection<Gate, Bytes>;

impl Http2 {
    /// A client that hasn't sent a request yet.
    pub(in crate::serve) fn new(
        current: Rc<Current>,
        client: Rc<ClientConnection>,
        drain: DrainGuard,
        idle: Rc<IdleClients>,
        deadlines: Deadlines,
    ) -> Self {
        let long_blocks = Rc::new(settings::long_blocks(&client.limits));
        let intake = Intake::new(Rc::clone(&client), deadlines.clone(), Rc::clone(&long_blocks));
        Self {
            current,
            client,
            intake,
            pinned: Rc::default(),
            drain,
            idle,
            deadlines,
            outflow: Outflow::default(),
            long_blocks,
        }
    }
}
