//! TLS of the listeners of a configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use pointsman_core::route::HostPattern;

use crate::acme::{self, Challenges};
use crate::config::{Config, ConfigError, ConfigErrors, ListenerConfig};
use crate::control::watch::{ServedCertificate, ServedTls};
use crate::listener::Listener;
use crate::tls::{self, ListenerTls, TlsFault};

/// Loads what the listeners' handshakes are made with, in the order of the configuration. What is the same as for the listener of this
/// address `before` is kept; what can't be loaded goes to `faults`.
pub(super) fn load(
    config: &Config,
    file: &Path,
    before: &[(ListenerConfig, Listener)],
    challenges: &Challenges,
    faults: &mut Vec<ConfigError>,
) -> Vec<Option<Arc<ListenerTls>>> {
    let load = |(index, listener): (usize, &ListenerConfig)| {
        let config = listener.tls.as_ref()?;
        let old = before.iter().find(|(old, _)| old.address == listener.address);
        let old = old.and_then(|(_, active)| active.tls.as_ref());
        if let Some(same) = old.filter(|old| old.config() == config) {
            return Some(Arc::clone(same));
        }
        let found = ListenerTls::load(config, old.map(|old| &**old), &challenges.tls).map(Arc::new);
        let found =
            found.map_err(|found| faults.extend(found.into_iter().map(in_file(file, index, listener))));
        let of_orders = config.acme.iter().flat_map(acme::faults);
        faults.extend(of_orders.map(in_file(file, index, listener)));
        found.ok()
    };
    config.listeners.iter().enumerate().map(load).collect()
}

/// Loads all, and answers what should be known of them though they can serve.
pub(super) fn check(config: &Config, file: &Path) -> Result<Vec<ConfigError>, ConfigErrors> {
    let mut faults = Vec::new();
    let loaded = load(config, file, &[], &Challenges::default(), &mut faults);
    ConfigErrors::none_or(faults)?;
    let mut all = warnings(config, file, &loaded);
    for (index, listener) in config.listeners.iter().enumerate() {
        let acme = listener.tls.as_ref().and_then(|tls| tls.acme.as_ref());
        all.extend(acme.into_iter().flat_map(acme::warnings).map(in_file(file, index, listener)));
    }
    Ok(all)
}

/// What should be known of certificates that can serve.
pub(super) fn warnings(
    config: &Config,
    file: &Path,
    loaded: &[Option<Arc<ListenerTls>>],
) -> Vec<ConfigError> {
    let listeners = config.listeners.iter().enumerate().zip(loaded);
    let all = listeners.filter_map(|(listener, tls)| Some((listener, tls.as_ref()?)));
    let now = SystemTime::now();
    let of_files = all.flat_map(|((index, listener), tls)| {
        tls.warnings(now).into_iter().map(in_file(file, index, listener))
    });
    of_files.chain(hosts_without_certificate(config, file, loaded)).collect()
}

/// Routes for hosts that no certificate is for, if clients can come by TLS only.
fn hosts_without_certificate(
    config: &Config,
    file: &Path,
    loaded: &[Option<Arc<ListenerTls>>],
) -> impl Iterator<Item = ConfigError> {
    let serves_in_clear =
        config.listeners.iter().any(|listener| listener.tls.is_none() && !listener.limits.redirects);
    let has_certificate =
        |host: &HostPattern| loaded.iter().flatten().any(|tls| tls.has_certificate_for_host(host));
    let routes = config.routes.iter().enumerate().filter(move |_| !serves_in_clear);
    let without = routes.filter(move |(_, route)| !route.pattern.hosts.iter().all(has_certificate));
    without.map(|(index, route)| ConfigError {
        file: file.into(),
        line: None,
        key: format!("route[{index}].host"),
        message: format!("no certificate is for the host of `{}`", route.pattern),
        hint: "name one in `listener.tls.certificates`, or clients get one that isn't for it, and refuse it"
            .into(),
    })
}

/// The certificates of a listener, to follow their files.
pub(super) fn watched(listener: &Listener) -> impl Iterator<Item = ServedCertificate> {
    listener.tls.iter().flat_map(move |tls| {
        let places = 0..tls.config().certificates.len();
        places.map(move |place| ServedCertificate {
            address: listener.address.clone(),
            tls: Arc::clone(tls),
            place,
        })
    })
}

/// A listener whose TLS has other files to follow.
pub(super) fn policy(listener: &Listener) -> Option<ServedTls> {
    let tls = listener.tls.as_ref().filter(|tls| tls.policy_files().next().is_some())?;
    Some(ServedTls::Listener(listener.address.clone(), Arc::clone(tls)))
}

/// The files that a configuration names, whether or not they exist.
pub(super) fn files(config: &Config) -> impl Iterator<Item = PathBuf> {
    config.listeners.iter().filter_map(|listener| listener.tls.as_ref()).flat_map(tls::files)
}

fn in_file<'a>(
    file: &'a Path,
    index: usize,
    listener: &'a ListenerConfig,
) -> impl Fn(TlsFault) -> ConfigError + 'a {
    in_section(file, format!("listener[{index}].tls"), Some(listener.line))
}

/// Makes of a fault one in a configuration's file: in a section, whose line it has if it has none of its own.
pub(super) fn in_section(
    file: &Path,
    section: String,
    line_of_section: Option<usize>,
) -> impl Fn(TlsFault) -> ConfigError {
    move |TlsFault { key, line, message, hint }| ConfigError {
        file: file.into(),
        line: line.or(line_of_section),
        key: if key.is_empty() { section.clone() } else { format!("{section}.{key}") },
        message,
        hint,
    }
}
