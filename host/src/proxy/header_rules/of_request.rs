//! The rules of one request.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};
use pointsman_core::backend::Backend;
use pointsman_core::local::Local;
use pointsman_core::request::{self, ExactTarget, RequestHead};

use super::value::{Asked, Facts, KeptAsked};
use super::{BackendHost, HeaderRules, Rule};
use crate::downstream::RequestContext;

/// The rules of one request, and what must be known to undo and to repeat them.
#[derive(Debug)]
pub(in crate::proxy) struct RequestRules {
    rules: Rc<HeaderRules>,
    /// What the client has asked for, if responses speak of it.
    asked: Option<KeptAsked>,
    /// The backend of the last attempt, if it is spoken of.
    backend: RefCell<Option<Local<Backend>>>,
    /// The fields as they were before they were changed for a backend; `None` if they weren't.
    before: RefCell<Option<Vec<(HeaderName, HeaderValue)>>>,
}

impl RequestRules {
    /// Applies the rules to a head for which no backend is picked yet.
    pub(in crate::proxy) fn begin(
        rules: &Rc<HeaderRules>,
        head: &mut RequestHead,
        context: &RequestContext,
    ) -> Box<Self> {
        let this = Self::of_answer(rules, head);
        this.before_pick(head, context);
        this
    }

    /// The rules for what a request is answered with that goes to no backend.
    pub(in crate::proxy) fn of_answer(rules: &Rc<HeaderRules>, head: &RequestHead) -> Box<Self> {
        let asked = rules.keeps_head.then(|| KeptAsked::of(&head.parts));
        let (backend, before) = (RefCell::default(), RefCell::default());
        Box::new(Self { rules: Rc::clone(rules), asked, backend, before })
    }

    /// The same once more, to a head that is as the client sent it.
    pub(in crate::proxy) fn before_pick(&self, head: &mut RequestHead, context: &RequestContext) {
        self.change(&self.rules.before_pick, head, context);
    }

    /// Applies the rest of the rules, for an attempt at this backend.
    pub(in crate::proxy) fn at_backend(
        &self,
        head: &mut RequestHead,
        context: &RequestContext,
        backend: &Local<Backend>,
    ) {
        let host = &self.rules.host;
        if self.rules.names_backend || matches!(host, BackendHost::Backend(_)) {
            *self.backend.borrow_mut() = Some(backend.clone());
        }
        if !self.rules.late_names.is_empty() {
            let headers = &head.parts.headers;
            let mut before = Vec::new();
            for name in &self.rules.late_names {
                before.extend(headers.get_all(name).iter().map(|value| (name.clone(), value.clone())));
            }
            *self.before.borrow_mut() = Some(before);
            self.at_same_backend(head, context);
        }
    }

    /// The same once more, to a head that is as it was before.
    pub(in crate::proxy) fn at_same_backend(&self, head: &mut RequestHead, context: &RequestContext) {
        self.change(&self.rules.at_backend, head, context);
        let host = match &self.rules.host {
            BackendHost::Client => None,
            BackendHost::Text(text) => Some(text.clone()),
            BackendHost::Backend(usual_port) => {
                self.backend.borrow().as_ref().and_then(|backend| host_of(backend.shared(), *usual_port))
            }
        };
        if let Some(host) = host {
            head.parts.headers.insert(HOST, host);
        }
    }

    /// Makes a head of which nothing was sent what it was before it was changed for a backend.
    pub(in crate::proxy) fn undo(&self, head: &mut RequestHead) {
        let Some(before) = self.before.take() else { return };
        let headers = &mut head.parts.headers;
        for name in
            self.rules.late_names.iter().filter(|name| !before.iter().any(|(known, _)| known == *name))
        {
            headers.remove(name);
        }
        // A first line takes the place of those that are there, so that most fields keep theirs.
        let mut last = None;
        for (name, value) in before {
            if last.as_ref() == Some(&name) {
                headers.append(&name, value);
            } else {
                headers.insert(&name, value);
            }
            last = Some(name);
        }
    }

    /// Applies the rules to the response, whoever has made it.
    pub(in crate::proxy) fn respond(&self, headers: &mut HeaderMap, context: &RequestContext) {
        if self.rules.response.is_empty() {
            return;
        }
        let (client, backend) = (context.head().client, self.backend.borrow());
        let asked = self.asked.as_ref().map(KeptAsked::asked).unwrap_or_default();
        let backend = backend.as_ref().map(|backend| &*backend.shared().name);
        self.rules.apply(&self.rules.response, headers, &Facts { context, client, asked, backend });
    }

    fn change(&self, rules: &[Rule], head: &mut RequestHead, context: &RequestContext) {
        if rules.is_empty() {
            return;
        }
        let (parts, client, backend) = (&mut head.parts, head.client, self.backend.borrow());
        let host = request::host(&parts.headers).cloned();
        let exact = parts.extensions.get::<ExactTarget>();
        let asked = Asked::new(&parts.method, host.as_ref(), &parts.uri, exact);
        let backend = backend.as_ref().map(|backend| &*backend.shared().name);
        self.rules.apply(rules, &mut parts.headers, &Facts { context, client, asked, backend });
    }
}

/// The host of a backend as a client of its own would ask for it.
fn host_of(backend: &Backend, usual_port: u16) -> Option<HeaderValue> {
    let host = match (&backend.host, backend.address.tcp()) {
        (_, None) => backend.address.authority(),
        (Some(host), Some(address)) if address.port() == usual_port => host.to_string(),
        (Some(host), Some(address)) => format!("{host}:{}", address.port()),
        (None, Some(SocketAddr::V6(address))) if address.port() == usual_port => {
            format!("[{}]", address.ip())
        }
        (None, Some(address)) if address.port() == usual_port => address.ip().to_string(),
        (None, Some(address)) => address.to_string(),
    };
    HeaderValue::from_str(&host).ok()
}
