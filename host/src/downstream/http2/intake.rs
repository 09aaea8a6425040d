//! From a stream's head to a request.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use h2::RecvStream;
use http::Request;
use http::request::Parts;

use super::body::{BodySource, StreamBody};
use super::long_blocks::LongBlocks;
use super::{head, websocket};
use crate::config::EarlyHintsUse;
use crate::deadline::Deadlines;
use crate::downstream::{ClientBody, ClientConnection, Refusal, RequestContext};

/// The memory of as many requests is kept for those that follow.
const SPARE: usize = 16;

/// What admits the requests of one connection of HTTP/2.
#[derive(Debug)]
pub struct Intake {
    connection: Rc<ClientConnection>,
    deadlines: Deadlines,
    long_blocks: Rc<LongBlocks>,
    /// Contexts of requests, most of which are over.
    spare: RefCell<Vec<Rc<RequestContext>>>,
}

/// A request, and what is known of it.
#[derive(Debug)]
pub struct Arrived {
    /// Its context.
    pub context: Rc<RequestContext>,
    /// Why it is refused, if it is.
    pub refused: Option<Refusal>,
    /// The request.
    pub request: Request<ClientBody>,
    /// What comes in the stream of a request for a WebSocket, once it is one.
    pub websocket: Option<RecvStream>,
}

impl Intake {
    /// No request has come yet.
    #[must_use]
    pub fn new(connection: Rc<ClientConnection>, deadlines: Deadlines, long_blocks: Rc<LongBlocks>) -> Self {
        Self { connection, deadlines, long_blocks, spare: RefCell::default() }
    }

    /// Checks a head as the gate of HTTP/1 does.
    pub fn admit(&self, request: Request<RecvStream>) -> Arrived {
        let (mut parts, stream) = request.into_parts();
        let head_bytes = bytes_of(&parts);
        let admitted = head::admit(&mut parts, &self.connection.limits);
        self.connection.keepalive.admit();
        let asks_upgrade = admitted.as_ref().is_ok_and(|facts| facts.websocket);
        let context = self.context(asks_upgrade, |context| match &admitted {
            Ok(_) if asks_upgrade => {
                context.websocket_accept = Some(Box::new(websocket::as_upgrade(&mut parts)));
            }
            Ok(facts) if facts.idempotent => context.kept_head.keep_parts(&parts),
            _ => {}
        });
        context.arrive(None, head_bytes);
        let (refused, facts) = match admitted {
            Ok(facts) => (None, Some(facts)),
            Err(refusal) => (Some(refusal), None),
        };
        if asks_upgrade {
            let request = Request::from_parts(parts, ClientBody::Empty);
            return Arrived { context, refused, request, websocket: Some(stream) };
        }
        let (length, expects) = facts.map_or((None, false), |facts| (facts.content_length, facts.expects));
        let source = BodySource {
            stream,
            context: Rc::clone(&context),
            long_blocks: Rc::clone(&self.long_blocks),
            deadlines: self.deadlines.clone(),
        };
        let body = StreamBody::new(source, length, expects);
        let request = Request::from_parts(parts, ClientBody::Http2(Box::new(body)));
        Arrived { context, refused, request, websocket: None }
    }

    /// A context that no other request uses, prepared like this. `asks_upgrade` = the request asks for another protocol.
    fn context(&self, asks_upgrade: bool, prepare: impl FnOnce(&mut RequestContext)) -> Rc<RequestContext> {
        let mut spare = self.spare.borrow_mut();
        let unused = spare.iter_mut().rev().find(|context| Rc::strong_count(context) == 1);
        if let Some(context) = unused
            && let Some(unique) = Rc::get_mut(context)
        {
            unique.reset(asks_upgrade);
            prepare(unique);
            return Rc::clone(context);
        }
        let mut context = RequestContext::new(Rc::clone(&self.connection), asks_upgrade);
        if self.connection.limits.early_hints != EarlyHintsUse::Off {
            // Kept from request to request.
            context.early_hints = Some(Arc::default());
        }
        prepare(&mut context);
        let context = Rc::new(context);
        if spare.len() < SPARE {
            spare.push(Rc::clone(&context));
        }
        context
    }
}

/// The bytes of a head, as its fields have them before they are compressed.
fn bytes_of(parts: &Parts) -> usize {
    let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let authority = parts.uri.authority().map_or(0, |authority| authority.as_str().len());
    parts.method.as_str().len() + target + authority + fields.sum::<usize>()
}
