//! The same key gets the same backend; when a backend leaves, only its keys move, and they come back with it.
//!
//! Configuration: `header`, whose value is the key; without it, and for requests that don't have it, the client's address is.

use pointsman_sdk::prelude::*;
use serde::Deserialize;

/// What is in the pool's `[pool.NAME.policy.config]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    header: Option<String>,
}

/// The policy. Each worker of the proxy has its own.
pub struct Affinity {
    config: Config,
    owners: Rendezvous,
}

impl Policy for Affinity {
    type Config = Config;

    fn new(config: Config, backends: &Backends) -> Result<Self, Error> {
        Ok(Self {
            config,
            owners: Rendezvous::new(backends),
        })
    }

    fn topology(&mut self, backends: &Backends) {
        self.owners = Rendezvous::new(backends);
    }

    fn pick(&mut self, request: &Request, _: &Backends) -> Verdict {
        let header = self.config.header.as_deref();
        let key = header
            .and_then(|name| request.header(name))
            .or_else(|| request.client_ip().map(|address| address.to_string()));
        // Without a key the proxy's fallback picks.
        key.and_then(|key| self.owners.pick(&key, request)).into()
    }
}

export_policy!(Affinity);

#[cfg(test)]
mod tests {
    use pointsman_sdk::testing::{TestHost, TestRequest};

    use super::*;

    #[test]
    fn a_client_comes_back_to_its_backend() {
        let host = TestHost::of(5);
        let mut policy = host.policy::<Affinity>().expect("a policy");
        let request = TestRequest::new();
        let owner = policy.pick_name(&request);
        host.at(&owner).healthy(false);
        assert_ne!(policy.pick_name(&request), owner);
        host.at(&owner).healthy(true);
        assert_eq!(policy.pick_name(&request), owner);
    }
}
