//! What is told of a request once it has ended, and what is given back then.

use std::cell::{Cell, RefCell, RefMut};
use std::net::IpAddr;

use http::request::Parts;
use pointsman_core::clock::Moment;
use pointsman_core::record::RequestRecord;
use pointsman_core::request::{ExactTarget, RequestHead};
use pointsman_core::request_limit::Hold;

use super::ClientConnection;
use crate::access_log::{Entry, LineEvent, RequestTexts, TunnelEnd};
use crate::insight::RequestInsight;

/// What is told of a request.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What was measured.
    pub(super) record: RefCell<RequestRecord>,
    /// What is kept of its head, if requests are logged. Elsewhere, so that there is no room for it where they aren't.
    texts: RefCell<Option<Box<RequestTexts>>>,
    /// What is kept of it if it is traced.
    insight: RefCell<Option<Box<RequestInsight>>>,
    /// It has become a tunnel, of which there are lines already.
    is_tunnel: Cell<bool>,
    /// What it has taken of the limits of its route; nothing, but of limits for what runs at a time. The memory stays.
    pub(super) holds: RefCell<Vec<Hold>>,
}

impl Told {
    /// Forgets a request; the memory stays.
    pub(super) fn reset(&mut self) {
        self.record.get_mut().reset();
        if let Some(texts) = self.texts.get_mut() {
            texts.clear();
        }
        *self.insight.get_mut() = None;
        self.is_tunnel.set(false);
        self.holds.get_mut().clear();
    }

    /// What is kept of it if it is traced.
    pub(super) fn insight(&self) -> RefMut<'_, Option<Box<RequestInsight>>> {
        self.insight.borrow_mut()
    }

    /// Keeps what a line says of the head, if there will be one.
    pub(super) fn keep_head(
        &self,
        connection: &ClientConnection,
        parts: &Parts,
        target: Option<&ExactTarget>,
    ) {
        if connection.reports.worker().is_logging() {
            self.with_texts(|texts| texts.keep(parts, target));
        }
    }

    /// The same of a head that was refused, as it came.
    pub(super) fn keep_refused(&self, connection: &ClientConnection, head: &[u8]) {
        if connection.reports.worker().is_logging() {
            self.with_texts(|texts| texts.keep_refused(head));
        }
    }

    fn with_texts(&self, keep: impl FnOnce(&mut RequestTexts)) {
        let texts = &mut *self.texts.borrow_mut();
        let texts = texts.get_or_insert_default();
        // What the gate has kept of a head that it refused isn't what stands in for it.
        if !texts.is_kept() {
            keep(texts);
        }
    }

    /// The client is this one.
    pub(super) fn set_client(&self, client: IpAddr) {
        if let Some(texts) = &mut *self.texts.borrow_mut() {
            texts.client = Some(client);
        }
    }

    /// The request has ended.
    pub(super) fn finish(&self, connection: &ClientConnection, head: &RefCell<RequestHead>) {
        let record = self.record.borrow();
        record.log(connection.peer);
        connection.reports.ended(&record);
        if let Some(insight) = self.insight.borrow_mut().take() {
            insight.end(&record, head.borrow_mut().picks.take());
        }
        drop(record);
        if !self.is_tunnel.get() {
            self.holds.borrow_mut().clear();
            self.log(connection, LineEvent::Request, None);
        }
    }

    /// The request has become a tunnel.
    pub(super) fn open_tunnel(&self, connection: &ClientConnection, at: Moment) {
        self.is_tunnel.set(true);
        self.log(connection, LineEvent::TunnelOpen, Some(TunnelEnd { at, ..TunnelEnd::default() }));
    }

    /// Whether the request has become one.
    pub(super) fn is_tunnel(&self) -> bool {
        self.is_tunnel.get()
    }

    /// The tunnel has ended.
    pub(super) fn close_tunnel(&self, connection: &ClientConnection, end: TunnelEnd) {
        self.holds.borrow_mut().clear();
        self.log(connection, LineEvent::TunnelClose, Some(end));
    }

    fn log(&self, connection: &ClientConnection, event: LineEvent, tunnel: Option<TunnelEnd>) {
        let worker = connection.reports.worker();
        let Some(log) = worker.log() else { return };
        let (texts, record) = (self.texts.borrow(), self.record.borrow());
        let unknown;
        let texts = match &*texts {
            Some(texts) => texts,
            None => {
                // The log was switched on meanwhile.
                unknown = RequestTexts::default();
                &unknown
            }
        };
        log.write(&Entry {
            event,
            record: &record,
            texts,
            peer: connection.peer,
            listener: &connection.local.address,
            scheme: connection.scheme.name(),
            tunnel,
        });
        worker.tell_soon();
    }
}
