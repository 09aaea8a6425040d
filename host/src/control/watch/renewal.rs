//! One certificate and its key over time.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use pointsman_core::address::Address;

use super::doubt::Doubt;
use super::stamp::FileStamp;
use crate::tls::{Certificate, CertificateError, Fingerprint, ListenerTls};

/// From this long before the end of a certificate on, the log says so.
const SOON: Duration = Duration::from_hours(14 * 24);

/// Between two warnings that a certificate ends.
const WARN_INTERVAL: Duration = Duration::from_hours(24);

/// A certificate that a listener serves with.
#[derive(Debug)]
pub struct ServedCertificate {
    /// The listener's address.
    pub address: Address,
    /// The listener's TLS.
    pub tls: Arc<ListenerTls>,
    /// Its place in the configuration of that.
    pub place: usize,
}

/// A certificate whose files are followed.
#[derive(Debug)]
pub(super) struct FollowedCertificate {
    served: ServedCertificate,
    /// What the metadata of both files said when their contents were last read.
    stamps: Vec<Option<FileStamp>>,
    /// Why the files can't serve as they are, as the log says; `None` if they do.
    refused: Option<Refused>,
    /// Whether they may be about to be another pair.
    doubt: Doubt,
    /// When it was last warned of the certificate's end.
    warned: Option<Instant>,
}

/// What was refused.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// Files that can't be read, and why.
    Unreadable(String),
    /// These contents.
    Contents(Fingerprint),
}

/// What a scan has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scanned {
    /// Files that aren't being changed.
    AtRest,
    /// The files have changed while they were read, or may be about to change.
    InBetween,
}

impl FollowedCertificate {
    pub(super) fn new(served: ServedCertificate) -> Self {
        Self { served, stamps: Vec::new(), refused: None, doubt: Doubt::default(), warned: None }
    }

    /// Whether this is what became of a certificate of a listener.
    pub(super) fn is(&self, served: &ServedCertificate) -> bool {
        Arc::ptr_eq(&self.served.tls, &served.tls) && self.served.place == served.place
    }

    /// All of its files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let files = self.served.tls.config().certificates.get(self.served.place);
        files.into_iter().flat_map(|files| files.all().map(|file| file.path.as_path()))
    }

    /// Scans the files, and serves with them if they are others and fit together. Warns of the certificate's end.
    pub(super) fn scan(&mut self, now: Instant, today: SystemTime) -> Scanned {
        let scanned = self.renew(now);
        if let Some(certificate) = self.certificate() {
            self.warn_of_end(&certificate, now, today);
        }
        scanned
    }

    fn renew(&mut self, now: Instant) -> Scanned {
        let stamps = self.stamp();
        if stamps == self.stamps
            && stamps.iter().all(|stamp| stamp.as_ref().is_some_and(FileStamp::is_settled))
        {
            return Scanned::AtRest;
        }
        let contents = match self.served.tls.read(self.served.place) {
            Ok(contents) => contents,
            Err(error) => {
                self.stamps.clear();
                return self.refuse_unreadable(&error, now);
            }
        };
        let fingerprint = contents.fingerprint();
        let is_served = self.certificate().is_some_and(|served| served.fingerprint() == fingerprint);
        if is_served || self.refused == Some(Refused::Contents(fingerprint)) {
            self.stamps = stamps;
            self.doubt.is_over();
            if is_served {
                self.restored();
            }
            return Scanned::AtRest;
        }
        let renewed = self.served.tls.renew(self.served.place, contents);
        if renewed.is_err() && (self.stamp() != stamps || self.doubt.is_worth_waiting(now)) {
            // One is new, and the other about to be.
            return Scanned::InBetween;
        }
        self.stamps = stamps;
        self.doubt.is_over();
        match renewed {
            Ok(certificate) => self.renewed(&certificate),
            Err(error) => {
                self.refused = Some(Refused::Contents(fingerprint));
                self.log_refusal(&error);
            }
        }
        Scanned::AtRest
    }

    fn stamp(&self) -> Vec<Option<FileStamp>> {
        self.paths().map(FileStamp::of).collect()
    }

    fn certificate(&self) -> Option<Arc<Certificate>> {
        self.served.tls.certificate(self.served.place)
    }

    /// The path of the certificate, which names it in the log.
    fn name(&self) -> String {
        self.paths().next().map(|path| path.display().to_string()).unwrap_or_default()
    }

    fn renewed(&mut self, certificate: &Certificate) {
        (self.refused, self.warned) = (None, None);
        let days = days(certificate.validity().left(SystemTime::now()));
        tracing::info!(
            event = "certificate-renewed", address = %self.served.address, certificate = self.name(), days,
            "another certificate serves from the next handshake on"
        );
        for doubt in self.served.tls.doubts(self.served.place, SystemTime::now()) {
            tracing::warn!(
                event = "certificate-doubtful",
                "{}: {}; {}",
                doubt.key,
                doubt.message,
                doubt.hint
            );
        }
    }

    /// The files hold what serves.
    fn restored(&mut self) {
        if self.refused.take().is_some() {
            tracing::info!(
                event = "certificate-restored", address = %self.served.address, certificate = self.name(),
                "the files hold what serves again"
            );
        }
    }

    /// Whether the proxy orders the certificate by itself.
    fn is_ordered(&self) -> bool {
        let files = self.served.tls.config().certificates.get(self.served.place);
        files.is_some_and(|files| files.ordered_for.is_some())
    }

    fn refuse_unreadable(&mut self, error: &CertificateError, now: Instant) -> Scanned {
        // It isn't there yet, or was removed to be ordered again.
        if error.is_missing && self.is_ordered() {
            return Scanned::AtRest;
        }
        let refused = Refused::Unreadable(error.to_string());
        if self.refused.as_ref() == Some(&refused) {
            self.doubt.is_over();
            return Scanned::AtRest;
        }
        if self.doubt.is_worth_waiting(now) {
            return Scanned::InBetween;
        }
        self.doubt.is_over();
        self.refused = Some(refused);
        self.log_refusal(error);
        Scanned::AtRest
    }

    fn log_refusal(&self, error: &CertificateError) {
        let hint = &error.hint;
        tracing::error!(
            event = "certificate-refused", address = %self.served.address, certificate = self.name(),
            "{error}; {hint}; the certificate before it serves on"
        );
    }

    fn warn_of_end(&mut self, certificate: &Certificate, now: Instant, today: SystemTime) {
        let (validity, is_ordered) = (certificate.validity(), self.is_ordered());
        let left = validity.left(today);
        let is_due = self.warned.is_none_or(|warned| now.saturating_duration_since(warned) >= WARN_INTERVAL);
        let soon = if is_ordered { SOON.min(validity.life() / 6) } else { SOON };
        if left > soon || !is_due {
            return;
        }
        self.warned = Some(now);
        let what =
            if left.is_zero() { "the certificate has expired" } else { "the certificate expires soon" };
        let remedy = if is_ordered {
            "`acme-order-failed` says why it isn't renewed"
        } else {
            "put a renewed one in its place"
        };
        tracing::warn!(
            event = "certificate-expiring", address = %self.served.address, certificate = self.name(),
            days = days(left), "{what}; {remedy}"
        );
    }
}

/// Whole days.
fn days(time: Duration) -> u64 {
    time.as_secs() / (24 * 60 * 60)
}

#[cfg(test)]
mod tests {
    use harness::{Authority, Leaf};

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_key_may_come_a_while_before_its_certificate() {
        let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new("root"));
        authority.issue(&Leaf::default()).write(folder.path(), "site");
        let text = "[[listener]]\naddress = '127.0.0.1:0'\n[listener.tls]\n\
            certificates = [{ cert = 'site.crt', key = 'site.key' }]\n[pool.p]\nbackends = ['127.0.0.1:9']\n";
        let config = Config::parse(text, &folder.path().join("test.toml")).expect("a configuration");
        let tls = config.listeners[0].tls.as_ref().expect("TLS");
        let tls = Arc::new(ListenerTls::load(tls, None, &Arc::default()).expect("good files"));
        let address = config.listeners[0].address.clone();
        let mut followed = FollowedCertificate::new(ServedCertificate { address, tls, place: 0 });
        let (began, today) = (Instant::now(), SystemTime::now());
        let mut scan = |ms| {
            let scanned = followed.scan(began + Duration::from_millis(ms), today);
            let served = followed.certificate().expect("one serves").fingerprint();
            (scanned, served, followed.refused.is_some())
        };
        let first = scan(0).1;
        assert_eq!(scan(0), (Scanned::AtRest, first, false));
        let next = authority.issue(&Leaf { serial: 2, ..Leaf::default() });
        std::fs::write(folder.path().join("site.key"), &next.key).expect("a key file");
        for ms in [100, 300, 2_050] {
            assert_eq!(scan(ms), (Scanned::InBetween, first, false), "the certificate may follow");
        }
        std::fs::write(folder.path().join("site.crt"), &next.cert).expect("a certificate file");
        let (scanned, second, refused) = scan(2_060);
        assert!(scanned == Scanned::AtRest && second != first && !refused);
        std::fs::remove_file(folder.path().join("site.key")).expect("a key file");
        assert_eq!(scan(5_000), (Scanned::InBetween, second, false), "it may be replaced");
        assert_eq!(scan(7_000), (Scanned::AtRest, second, true));
        assert_eq!(scan(7_200), (Scanned::AtRest, second, true), "it was said");
    }
}
