//! The thread that keeps certificates valid: one step after the other, as authorities don't like haste.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use instant_acme::Account;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::account;
use super::challenges::Challenges;
use super::entry::{Entry, Step};
use super::failure::{Failure, FailureKind};
use super::https::Https;
use super::managed::Managed;
use super::order::Ordering;
use super::schedule::Window;
use super::storage::OrderLock;
use crate::config::AcmeConfig;
use crate::control::watch::FileWatch;
use crate::http_challenge::SharedAccount;
use crate::tls::OrderedCertificate;

/// Longest time without a look at the files and the clock: the machine may have slept.
const LOOK: Duration = Duration::from_secs(30);

/// Until it is seen again whether another process is done.
const OTHERS: Duration = Duration::from_secs(1);

/// For one order as a whole.
const ORDER_TIMEOUT: Duration = Duration::from_mins(5);

/// How often an authority is asked when to renew, at most and at least, and where it doesn't say so or can't be asked.
const ASK: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(24));
const ASK_ANEW: Duration = Duration::from_hours(6);

/// How long what was read of an authority's directory is used.
const SESSION: Duration = Duration::from_hours(1);

/// What is said of a certificate that is kept nowhere.
const UNUSABLE: &str = "what the authority has issued can't be served with, or isn't for this name";

/// What is wanted of the thread: certificates, or its end.
pub(super) type Wanted = Option<Vec<AcmeConfig>>;

/// Accounts in use by their folders, with their authorities' directories, and since when.
type Sessions = HashMap<PathBuf, (Account, Instant)>;

/// Orders certificates, renews them, and tells when a file is another one.
pub(super) struct Orderer {
    challenges: Challenges,
    entries: Vec<Entry>,
    sessions: Sessions,
    files: Arc<FileWatch>,
    /// Told when somebody may have put right what was wrong.
    look: Arc<Notify>,
}

impl Orderer {
    pub(super) fn new(challenges: Challenges, files: Arc<FileWatch>, look: Arc<Notify>) -> Self {
        Self { challenges, entries: Vec::new(), sessions: HashMap::new(), files, look }
    }

    /// Keeps valid what is wanted, until that is the end.
    pub(super) async fn run(mut self, mut wanted: watch::Receiver<Wanted>) {
        loop {
            tokio::select! {
                changed = wanted.changed() => {
                    let Some(configs) = wanted.borrow_and_update().clone().filter(|_| changed.is_ok()) else { return };
                    self.adopt(&configs);
                }
                () = self.next_step() => {}
            }
        }
    }

    /// What is known of certificates that stay wanted is still known.
    fn adopt(&mut self, configs: &[AcmeConfig]) {
        let mut known = std::mem::take(&mut self.entries);
        let entry = |managed: Managed| {
            let place = known.iter().position(|known| known.managed == managed);
            place.map_or_else(|| Entry::new(managed), |place| known.swap_remove(place))
        };
        self.entries = Managed::all(configs).into_iter().map(entry).collect();
        self.sessions.clear();
    }

    async fn next_step(&mut self) {
        let now = SystemTime::now();
        self.share_accounts();
        self.entries.iter_mut().for_each(|entry| entry.refresh(now));
        let next = self.entries.iter().map(Entry::next).enumerate().min_by_key(|(_, (at, _))| *at);
        match next {
            Some((index, (at, Step::Order))) if at <= now => self.order(index, now).await,
            Some((index, (at, Step::AskWindow))) if at <= now => self.ask_window(index, now).await,
            Some((_, (at, _))) => {
                let wait = at.duration_since(now).unwrap_or_default().min(LOOK);
                // Elapsed is the usual case.
                if timeout(wait, self.look.notified()).await.is_ok() {
                    self.entries.iter_mut().for_each(Entry::try_again);
                }
            }
            // There is nothing to do until something is wanted.
            None => std::future::pending().await,
        }
    }

    /// Has questions answered that come here for orders of others.
    fn share_accounts(&self) {
        let mut accounts = HashMap::<String, HashSet<String>>::new();
        for entry in self.entries.iter().filter(|entry| entry.managed.config.storage.is_shared) {
            if let Some(thumbprint) = account::thumbprint(&entry.managed.folder) {
                accounts.entry(thumbprint).or_default().insert(entry.managed.name.clone());
            }
        }
        let accounts = accounts.into_iter().map(|(thumbprint, names)| SharedAccount { names, thumbprint });
        self.challenges.http.share(accounts.collect());
    }

    async fn order(&mut self, index: usize, now: SystemTime) {
        let entry = &mut self.entries[index];
        let lock = match entry.managed.folder.lock() {
            Ok(Some(lock)) => lock,
            Ok(None) => return entry.wait_until(now + OTHERS),
            Err(error) => {
                entry.attempt();
                return entry.fail(&error.into(), None, now);
            }
        };
        // Another process may have ordered it, or failed, since this was last read.
        entry.refresh(now);
        entry.reread_failures();
        if entry.next().0 > now {
            return;
        }
        entry.attempt();
        let (ordered, wish) = match account::https(&entry.managed.config) {
            Ok(https) => {
                let ordered = ordered(entry, &lock, &https, &self.challenges, &mut self.sessions);
                let late = || Failure::new(FailureKind::Away, "the order hasn't come to an end in time");
                (timeout(ORDER_TIMEOUT, ordered).await.unwrap_or_else(|_| Err(late())), https.take_wish())
            }
            Err(faults) => (Err(of_files(faults)), None),
        };
        match ordered {
            Ok(()) => self.files.scan(),
            Err(failure) => {
                self.sessions.remove(entry.managed.folder.path());
                entry.fail(&failure, wish, SystemTime::now());
                let failures = entry.managed.failures_file();
                if let Err(error) = entry.managed.folder.write_json(&lock, &failures, &entry.failures) {
                    tracing::warn!(event = "acme-file-unusable", file = failures, %error, "a failure can't be kept");
                }
            }
        }
    }

    async fn ask_window(&mut self, index: usize, now: SystemTime) {
        let entry = &mut self.entries[index];
        let asked = window(entry, &mut self.sessions).await;
        let (window, again) = match asked {
            Ok(Some((window, again))) => (Some(window), again.clamp(ASK.0, ASK.1)),
            // It doesn't say so.
            Ok(None) => (None, ASK_ANEW),
            Err(error) => {
                let name = &entry.managed.name;
                tracing::debug!(
                    event = "acme-window-unknown", name, %error,
                    "the authority can't be asked when to renew; what it said before holds, or two thirds of the certificate's life"
                );
                (None, ASK_ANEW)
            }
        };
        entry.set_window(window, now + again);
    }
}

/// Orders a certificate, and puts it into its file.
async fn ordered(
    entry: &mut Entry,
    lock: &OrderLock,
    https: &Https,
    challenges: &Challenges,
    sessions: &mut Sessions,
) -> Result<(), Failure> {
    let managed = entry.managed.clone();
    let (config, folder) = (&managed.config, &managed.folder);
    folder.check_room(lock)?;
    let account = account::open(config, folder, lock, https).await?;
    let (account, _) =
        sessions.entry(folder.path().to_owned()).insert_entry((account, Instant::now())).into_mut();
    let replaces = entry.id().filter(|_| entry.has_window());
    let ordering = |account: &Account| Ordering {
        managed: &managed,
        lock,
        account: account.clone(),
        challenges,
        replaces: replaces.clone(),
    };
    let pem = match ordering(account).certificate().await {
        Err(failure) if account::is_forgotten(&failure) => {
            *account = account::create(config, folder, lock, https).await?;
            ordering(account).certificate().await?
        }
        ordered => ordered?,
    };
    let is_renewal = entry.certificate().is_some();
    // Before it takes the place of one that serves.
    if !OrderedCertificate::parse(pem.as_bytes()).is_ok_and(|issued| issued.names.contains(&managed.name)) {
        ordering(account).forget()?;
        return Err(Failure::new(FailureKind::Refused, UNUSABLE));
    }
    folder.write(lock, &managed.file(), pem.as_bytes())?;
    ordering(account).forget()?;
    folder.remove(lock, &managed.failures_file())?;
    let now = SystemTime::now();
    entry.refresh(now);
    let Some(certificate) = entry.certificate() else {
        return Err(Failure::new(
            FailureKind::Local,
            "the file of the certificate isn't what was written there",
        ));
    };
    let days = certificate.validity.left(now).as_secs() / (24 * 60 * 60);
    let (name, directory) = (&managed.name, &config.account.directory);
    if is_renewal {
        tracing::info!(
            event = "acme-certificate-renewed",
            name,
            directory,
            days,
            "a new certificate in place of the one before"
        );
    } else {
        tracing::info!(event = "acme-certificate-issued", name, directory, days, "a new certificate");
    }
    Ok(())
}

/// When the authority wants a certificate to be renewed, and when it wants to be asked again (RFC 9773); none if it doesn't say so.
async fn window(entry: &Entry, sessions: &mut Sessions) -> Result<Option<(Window, Duration)>, Failure> {
    let (managed, Some(id)) = (&entry.managed, entry.id()) else { return Ok(None) };
    let key = managed.folder.path();
    if sessions.get(key).is_none_or(|(_, since)| since.elapsed() > SESSION) {
        let https = account::https(&managed.config).map_err(of_files)?;
        let Some((account, _)) = account::known(&managed.folder, &https).await? else { return Ok(None) };
        sessions.insert(key.to_owned(), (account, Instant::now()));
    }
    let Some((account, _)) = sessions.get(key) else { return Ok(None) };
    match account.renewal_info(&id).await {
        Ok((info, again)) => {
            let moment = |seconds: i64| {
                SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or_default())
            };
            let window = info.suggested_window;
            let (start, end) = (moment(window.start.unix_timestamp()), moment(window.end.unix_timestamp()));
            Ok(Some((Window { start, end }, again)))
        }
        Err(instant_acme::Error::Unsupported(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn of_files(faults: Vec<crate::tls::TlsFault>) -> Failure {
    let faults: Vec<String> =
        faults.into_iter().map(|fault| format!("{}; {}", fault.message, fault.hint)).collect();
    Failure::new(FailureKind::Local, faults.join("; "))
}
