//! What is known of a certificate that is kept valid, and what comes next for it.

use std::fs;
use std::time::{Duration, SystemTime};

use instant_acme::CertificateIdentifier;

use super::failure::{Failure, Failures};
use super::managed::Managed;
use super::schedule::{self, Window};
use crate::control::watch::FileStamp;
use crate::tls::OrderedCertificate;

/// How often a failure that goes on is said again.
const REMINDER: Duration = Duration::from_hours(1);

/// A certificate that is kept valid.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) managed: Managed,
    held: Option<Held>,
    /// What the file's metadata said when it was last read.
    stamp: Option<FileStamp>,
    pub(super) failures: Option<Failures>,
    /// Whether there was no attempt since the process began or was told to look: somebody may want it to try again.
    is_fresh: bool,
    /// Not before this: another process has the lock.
    not_before: Option<SystemTime>,
    said: Option<(String, SystemTime)>,
}

/// The certificate that is there.
#[derive(Debug)]
struct Held {
    certificate: OrderedCertificate,
    /// When it was put there.
    since: SystemTime,
    window: Option<Window>,
    /// When the authority is asked for the window.
    ask_at: SystemTime,
}

/// What is to be done for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Order it.
    Order,
    /// Ask the authority when to renew it.
    AskWindow,
}

impl Entry {
    pub(super) fn new(managed: Managed) -> Self {
        let failures = managed.folder.read_json(&managed.failures_file());
        let (held, stamp, not_before, said) = (None, None, None, None);
        Self { managed, held, stamp, failures, is_fresh: true, not_before, said }
    }

    /// Looks at the file, which another proxy may have replaced and somebody may have removed.
    pub(super) fn refresh(&mut self, now: SystemTime) {
        let stamp = FileStamp::of(&self.managed.path());
        if stamp == self.stamp && (stamp.is_none() || stamp.as_ref().is_some_and(FileStamp::is_settled)) {
            return;
        }
        self.stamp = stamp;
        let found = OrderedCertificate::load(&self.managed.path()).ok();
        let found = found.filter(|found| found.names.contains(&self.managed.name));
        let since = fs::metadata(self.managed.path()).and_then(|metadata| metadata.modified()).unwrap_or(now);
        match &mut self.held {
            Some(held) if Some(&held.certificate) == found.as_ref() => return held.since = since,
            None if found.is_none() => return,
            _ => {}
        }
        self.held = found.map(|certificate| Held { certificate, since, window: None, ask_at: now });
        if self.held.is_some() {
            (self.failures, self.said) = (None, None);
        }
    }

    /// Reads again what went wrong, which another proxy may have written. What this one knows and couldn't write counts, too.
    pub(super) fn reread_failures(&mut self) {
        let kept = self.managed.folder.read_json(&self.managed.failures_file());
        self.failures = Failures::newer(self.failures.take(), kept);
    }

    /// What comes next, and when.
    pub(super) fn next(&self) -> (SystemTime, Step) {
        let order = self.order_at();
        match &self.held {
            Some(held) if held.certificate.id.is_some() && held.ask_at < order => {
                (held.ask_at, Step::AskWindow)
            }
            _ => (order, Step::Order),
        }
    }

    fn order_at(&self) -> SystemTime {
        let due = match &self.held {
            None => SystemTime::UNIX_EPOCH,
            Some(held) => {
                let certificate = &held.certificate;
                schedule::renewal(certificate.validity, held.since, held.window, &certificate.fingerprint)
            }
        };
        let after_failure = self.failures.as_ref().map(|failures| match self.is_fresh {
            true => failures.next_after_start(),
            false => failures.next(),
        });
        [after_failure, self.not_before].into_iter().flatten().fold(due, SystemTime::max)
    }

    /// The certificate that is there.
    pub(super) fn certificate(&self) -> Option<&OrderedCertificate> {
        self.held.as_ref().map(|held| &held.certificate)
    }

    /// The certificate that is there, in the words of its authority.
    pub(super) fn id(&self) -> Option<CertificateIdentifier<'static>> {
        let id = self.certificate()?.id.as_ref()?;
        let (authority_key, serial) = id.parts();
        Some(CertificateIdentifier::new(authority_key, serial).into_owned())
    }

    /// Whether the authority has said when it wants the certificate to be renewed.
    pub(super) fn has_window(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.window.is_some())
    }

    /// The authority has said so, or what it said before holds on; it is asked again then.
    pub(super) fn set_window(&mut self, window: Option<Window>, ask_at: SystemTime) {
        if let Some(held) = &mut self.held {
            held.window = window.or(held.window);
            held.ask_at = ask_at;
        }
    }

    /// Another process orders.
    pub(super) fn wait_until(&mut self, moment: SystemTime) {
        self.not_before = Some(moment);
    }

    /// Somebody may have put right what was wrong.
    pub(super) fn try_again(&mut self) {
        self.is_fresh = true;
    }

    /// The order that is due is made now.
    pub(super) fn attempt(&mut self) {
        (self.is_fresh, self.not_before) = (false, None);
    }

    /// Keeps a failure, and says it unless it was said a short time ago.
    pub(super) fn fail(&mut self, failure: &Failure, wish: Option<Duration>, now: SystemTime) {
        let failures = Failures::after(self.failures.as_ref(), failure, wish, now);
        let is_said = self.said.as_ref().is_some_and(|(message, when)| {
            *message == failure.message && now.duration_since(*when).is_ok_and(|since| since < REMINDER)
        });
        if !is_said {
            self.said = Some((failure.message.clone(), now));
            self.log(&failures, now);
        }
        self.failures = Some(failures);
    }

    fn log(&self, failures: &Failures, now: SystemTime) {
        let again = failures.next().duration_since(now).unwrap_or_default();
        let (name, directory) = (&self.managed.name, &self.managed.config.account.directory);
        let (reason, attempts, error) = (failures.kind.name(), failures.count, &failures.message);
        let is_urgent = self.certificate().is_none_or(|held| schedule::overdue(held.validity) <= now);
        let meanwhile = match self.certificate() {
            None => "clients that ask for this name are refused",
            Some(held) if held.validity.left(now).is_zero() => {
                "the certificate before has expired, and clients refuse it"
            }
            Some(_) => "the certificate before serves on",
        };
        if is_urgent {
            tracing::error!(
                event = "acme-order-failed",
                name,
                directory,
                reason,
                attempts,
                ?again,
                error,
                "no new certificate; {meanwhile}"
            );
        } else {
            tracing::warn!(
                event = "acme-order-failed",
                name,
                directory,
                reason,
                attempts,
                ?again,
                error,
                "no new certificate; {meanwhile}"
            );
        }
    }
}
