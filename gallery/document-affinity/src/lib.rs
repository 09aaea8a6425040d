//! All who edit a document reach one server, as with Collabora Online: the document is the query's `WOPISrc`.
//!
//! It is compared decoded, as web pages and servers encode it differently. When a server leaves, only its documents move. Requests without
//! a document, such as for scripts and pictures, go to the fallback. Configuration: none.

use pointsman_sdk::prelude::*;

/// The policy.
#[derive(Debug)]
pub struct DocumentAffinity {
    servers: Rendezvous,
}

impl Policy for DocumentAffinity {
    type Config = ();

    fn new(_: (), backends: &Backends) -> Result<Self, Error> {
        Ok(Self { servers: Rendezvous::new(backends) })
    }

    fn topology(&mut self, backends: &Backends) {
        self.servers = Rendezvous::new(backends);
    }

    fn pick(&mut self, request: &Request, _: &Backends) -> Verdict {
        let document = request.parameter("WOPISrc").filter(|document| !document.is_empty());
        document.and_then(|document| self.servers.pick(&document, request)).into()
    }
}

export_policy!(DocumentAffinity);
