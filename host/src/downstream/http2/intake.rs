//! From a stream's head to a request.

use std::cell::RefCell;
use std::rc::Rc;

use h2::RecvStream;
use http::Request;

use super::body::StreamBody;
use super::head;
use crate::deadline::Deadlines;
use crate::downstream::{ClientBody, ClientConnection, Refusal, RequestContext};

/// The memory of as many requests is kept for those that follow.
const SPARE: usize = 16;

/// What admits the requests of one connection of HTTP/2.
#[derive(Debug)]
pub struct Intake {
    connection: Rc<ClientConnection>,
    deadlines: Deadlines,
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
}

impl Intake {
    /// No request has come yet.
    #[must_use]
    pub fn new(connection: Rc<ClientConnection>, deadlines: Deadlines) -> Self {
        Self { connection, deadlines, spare: RefCell::default() }
    }

    /// Checks a head as the gate of HTTP/1 does.
    pub fn admit(&self, request: Request<RecvStream>) -> Arrived {
        let (mut parts, stream) = request.into_parts();
        let admitted = head::admit(&mut parts, &self.connection.limits);
        let mut context = self.context();
        let (refused, length, expects) = match admitted {
            Ok(facts) => {
                if let Some(context) = Rc::get_mut(&mut context).filter(|_| facts.idempotent) {
                    context.kept_head.keep_parts(&parts);
                }
                (None, facts.content_length, facts.expects)
            }
            Err(refusal) => (Some(refusal), None, false),
        };
        self.keep(&context);
        self.connection.keepalive.admit();
        let body = StreamBody::new(stream, Rc::clone(&context), length, expects, self.deadlines.clone());
        Arrived { context, refused, request: Request::from_parts(parts, ClientBody::Http2(Box::new(body))) }
    }

    /// A context that no other request uses.
    fn context(&self) -> Rc<RequestContext> {
        let mut spare = self.spare.borrow_mut();
        if let Some(place) = spare.iter().rposition(|context| Rc::strong_count(context) == 1) {
            let mut context = spare.swap_remove(place);
            if let Some(context) = Rc::get_mut(&mut context) {
                context.reset(false);
            }
            return context;
        }
        Rc::new(RequestContext::new(Rc::clone(&self.connection), false))
    }

    fn keep(&self, context: &Rc<RequestContext>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE {
            spare.push(Rc::clone(context));
        }
    }
}
