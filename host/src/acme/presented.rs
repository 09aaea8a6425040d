//! An answer to an authority's question, for as long as the question may come.

use instant_acme::KeyAuthorization;

use super::challenges::Challenges;
use super::failure::{Failure, FailureKind};
use super::managed::Managed;
use crate::config::AcmeChallenge;

/// Answers until it is dropped.
pub(super) struct Presented<'a> {
    challenges: &'a Challenges,
    place: Place,
}

enum Place {
    /// Over HTTP, with this token.
    Http(String),
    /// In the handshake, for this name.
    Tls(String),
}

impl<'a> Presented<'a> {
    /// Answers with this from now on.
    pub(super) fn new(
        challenges: &'a Challenges,
        managed: &Managed,
        token: &str,
        answer: &KeyAuthorization,
    ) -> Result<Self, Failure> {
        let place = match managed.config.challenge {
            AcmeChallenge::Http01 => {
                challenges.http.present(token, answer.as_str());
                Place::Http(token.to_owned())
            }
            AcmeChallenge::TlsAlpn01 => {
                let presented = challenges.tls.present(&managed.name, answer.digest().as_ref());
                presented.map_err(|error| Failure::new(FailureKind::Local, error))?;
                Place::Tls(managed.name.clone())
            }
        };
        Ok(Self { challenges, place })
    }
}

impl Drop for Presented<'_> {
    fn drop(&mut self) {
        match &self.place {
            Place::Http(token) => self.challenges.http.withdraw(token),
            Place::Tls(name) => self.challenges.tls.withdraw(name),
        }
    }
}
