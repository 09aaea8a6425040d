//! One order, from its beginning to the certificate (RFC 8555 section 7.4).

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeStatus, ChallengeType, Identifier,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde::{Deserialize, Serialize};

use super::challenges::Challenges;
use super::failure::{Failure, FailureKind};
use super::managed::Managed;
use super::presented::Presented;
use super::storage::OrderLock;
use crate::config::AcmeChallenge;

/// How an authority is asked whether it is ready: after 100 ms, and then ever more rarely.
const POLLING: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(100))
    .backoff(1.7)
    .timeout(Duration::from_secs(90));

/// An order that has begun, as it is kept: a process that ends before it is done is followed by one that goes on with it.
#[derive(Serialize, Deserialize)]
struct Begun {
    url: String,
    /// The private key of the certificate, in PEM form.
    key: String,
}

/// What an order is made with.
pub(super) struct Ordering<'a> {
    pub(super) managed: &'a Managed,
    pub(super) lock: &'a OrderLock,
    pub(super) account: Account,
    pub(super) challenges: &'a Challenges,
    /// The certificate in whose place the new one comes, if the authority wants to know.
    pub(super) replaces: Option<CertificateIdentifier<'static>>,
}

impl Ordering<'_> {
    /// The key and the certificate with those that lead to its root, in PEM form.
    pub(super) async fn certificate(&self) -> Result<String, Failure> {
        if let Some(begun) = self.resumed().await? {
            match self.complete(begun).await {
                // What went wrong may have happened while nobody was here to answer.
                Err(failure) if failure.kind == FailureKind::Refused => {}
                made => return made,
            }
        }
        self.complete(self.begin().await?).await
    }

    /// Goes on with an order that was begun, if it can come to something.
    async fn resumed(&self) -> Result<Option<(Order, String)>, Failure> {
        let file = self.managed.order_file();
        let Some(Begun { url, key }) = self.managed.folder.read_json(&file) else { return Ok(None) };
        match self.account.order(url).await.map_err(Failure::from) {
            Ok(mut order) => match order.state().status {
                OrderStatus::Invalid => self.forget().map(|()| None),
                _ => Ok(Some((order, key))),
            },
            // The authority has forgotten it.
            Err(failure) if failure.kind == FailureKind::Refused => self.forget().map(|()| None),
            Err(failure) => Err(failure),
        }
    }

    /// Begins an order.
    async fn begin(&self) -> Result<(Order, String), Failure> {
        let key = KeyPair::generate().map_err(local)?.serialize_pem();
        let identifiers = [Identifier::Dns(self.managed.name.clone())];
        let order = match self.new_order(&identifiers, self.replaces.clone()).await {
            // It was replaced by somebody else, or by another account, or the authority stumbles over it: that is no reason to have none.
            Err(_) if self.replaces.is_some() => self.new_order(&identifiers, None).await?,
            ordered => ordered?,
        };
        let begun = Begun { url: order.url().to_owned(), key };
        self.managed.folder.write_json(self.lock, &self.managed.order_file(), &begun)?;
        Ok((order, begun.key))
    }

    async fn new_order(
        &self,
        identifiers: &[Identifier],
        replaces: Option<CertificateIdentifier<'static>>,
    ) -> Result<Order, Failure> {
        let mut new = NewOrder::new(identifiers);
        if let Some(profile) = &self.managed.config.profile {
            new = new.profile(profile);
        }
        if let Some(replaces) = replaces {
            new = new.replaces(replaces);
        }
        self.account.new_order(&new).await.map_err(Failure::from)
    }

    /// Brings an order to its end. One that the authority has turned down is forgotten.
    async fn complete(&self, (mut order, key): (Order, String)) -> Result<String, Failure> {
        let chain = self.chain(&mut order, &key).await;
        if matches!(&chain, Err(failure) if failure.kind == FailureKind::Refused) {
            self.forget()?;
        }
        Ok(key + &chain?)
    }

    /// The chain of certificates that comes of an order.
    async fn chain(&self, order: &mut Order, key: &str) -> Result<String, Failure> {
        if order.state().status == OrderStatus::Pending {
            self.validate(order).await?;
        }
        if order.state().status == OrderStatus::Ready {
            let csr = self.request(key)?;
            order.finalize_csr(&csr).await?;
        }
        if order.state().status == OrderStatus::Invalid {
            return Err(reason(order).await);
        }
        match order.poll_certificate(&POLLING).await.map_err(Failure::from) {
            Ok(chain) => Ok(chain),
            Err(_) if order.state().status == OrderStatus::Invalid => Err(reason(order).await),
            Err(failure) => Err(failure),
        }
    }

    /// Shows the authority that the name leads here, and waits until it has seen that.
    async fn validate(&self, order: &mut Order) -> Result<(), Failure> {
        let (mut presented, mut told) = (Vec::new(), Ok(()));
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let kind = match self.managed.config.challenge {
                AcmeChallenge::Http01 => ChallengeType::Http01,
                AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
            };
            let Some(mut challenge) = authorization.challenge(kind) else {
                let kind = self.managed.config.challenge.name();
                return Err(Failure::new(
                    FailureKind::Refused,
                    format!("the authority doesn't offer {kind}"),
                ));
            };
            let answer = challenge.key_authorization();
            presented.push(Presented::new(self.challenges, self.managed, &challenge.token, &answer)?);
            // The authority may be looking already, if the order was begun by a process before this one.
            if challenge.status == ChallengeStatus::Pending {
                told = challenge.set_ready().await;
            }
            if told.is_err() {
                break;
            }
        }
        if let Err(error) = told
            && !is_decided(order).await
        {
            return Err(error.into());
        }
        let polled = order.poll_ready(&POLLING).await.map_err(Failure::from);
        match polled {
            Ok(OrderStatus::Invalid) => Err(reason(order).await),
            Ok(_) => Ok(()),
            Err(_) if order.state().status == OrderStatus::Invalid => Err(reason(order).await),
            Err(failure) => Err(failure),
        }
    }

    /// The request for the certificate, signed by its key (RFC 2986).
    fn request(&self, key: &str) -> Result<Vec<u8>, Failure> {
        let key = KeyPair::from_pem(key).map_err(local)?;
        let mut params = CertificateParams::new([self.managed.name.clone()]).map_err(local)?;
        params.distinguished_name = DistinguishedName::new();
        Ok(params.serialize_request(&key).map_err(local)?.der().to_vec())
    }

    /// Nobody goes on with the order any more.
    pub(super) fn forget(&self) -> Result<(), Failure> {
        Ok(self.managed.folder.remove(self.lock, &self.managed.order_file())?)
    }
}

/// Whether the authority has decided on every name. It takes no word about one of which it has (RFC 8555 section 7.5.1), which comes to pass
/// between two questions of ours if a process before this one has told it to look.
async fn is_decided(order: &mut Order) -> bool {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let Ok(mut authorization) = authorization else { return false };
        match authorization.refresh().await {
            Ok(state) if state.status != AuthorizationStatus::Pending => {}
            _ => return false,
        }
    }
    true
}

/// Why an order was turned down: what the authority has found when it asked.
async fn reason(order: &mut Order) -> Failure {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let Ok(mut authorization) = authorization else { continue };
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Failure::of_problem(problem);
        }
    }
    match &order.state().error {
        Some(problem) => Failure::of_problem(problem),
        None => {
            Failure::new(FailureKind::Refused, "the authority has turned the order down without a reason")
        }
    }
}

fn local(error: rcgen::Error) -> Failure {
    Failure::new(FailureKind::Local, error.to_string())
}
