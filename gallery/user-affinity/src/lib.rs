//! All requests of a user reach one worker, as with Synapse: the user is in the access token, `syt_USER_RANDOM_CHECKSUM`.
//!
//! `USER` is the local part of the name in base64, which has no underscore. It stands for one user as it is, so nothing is decoded. All
//! devices of a user share a worker and its cache. Of a token of another kind all counts. A token comes in `Authorization` or, from old
//! clients, as the query's `access_token`. Requests without one, such as log-ins, go to the fallback. Configuration: none.

use pointsman_sdk::prelude::*;

/// The policy.
#[derive(Debug)]
pub struct UserAffinity {
    workers: Rendezvous,
}

impl Policy for UserAffinity {
    type Config = ();

    fn new(_: (), backends: &Backends) -> Result<Self, Error> {
        Ok(Self { workers: Rendezvous::new(backends) })
    }

    fn topology(&mut self, backends: &Backends) {
        self.workers = Rendezvous::new(backends);
    }

    fn pick(&mut self, request: &Request, _: &Backends) -> Verdict {
        token(request).and_then(|token| self.workers.pick(user(&token), request)).into()
    }
}

fn token(request: &Request) -> Option<String> {
    let bearer = request.header("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    bearer.or_else(|| request.parameter("access_token")).filter(|token| !token.is_empty())
}

fn user(token: &str) -> &str {
    let user = token.strip_prefix("syt_").and_then(|rest| rest.split_once('_')).map(|(user, _)| user);
    user.filter(|user| !user.is_empty()).unwrap_or(token)
}

export_policy!(UserAffinity);
