//! `acme` of a listener's TLS: certificates that the proxy orders by itself (RFC 8555).

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use http::Uri;
use http::uri::Scheme;

use super::address::host_name;
use super::certificate_files::{CertificateFiles, NamedFile, file};
use super::read::{Section, Unique, Value, choice, excerpt};

const ACME: &str = "write `acme = { names = [\"www.example.com\"], contact = \"mailto:you@example.com\" }`";
const NAMES: &str = "write `names = [\"www.example.com\"]`";
const CONTACT: &str = "write `contact = \"mailto:you@example.com\"`";
const DIRECTORY: &str = "write `\"letsencrypt\"`, `\"letsencrypt-staging\"`, or the address of a directory that begins with `https://`";
const EAB: &str = "write `external_account = { id = \"…\", key_file = \"eab.key\" }`";

/// Let's Encrypt's directory, and the one for trials, whose certificates nobody trusts and whose limits are wide.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// Most names of a listener.
const MAX_NAMES: usize = 1_000;

/// Certificates that are ordered for a listener: one for each name, so that no name has to wait for the others.
#[derive(Debug, Clone, PartialEq)]
pub struct AcmeConfig {
    /// For whom: at least one host name, in lower case.
    pub names: Vec<AcmeName>,
    /// The account that orders them.
    pub account: AcmeAccountConfig,
    /// Where accounts and certificates are kept.
    pub storage: AcmeStorage,
    /// How the authority is shown that a name leads here. `challenge`; http-01 if there is a listener without TLS.
    pub challenge: AcmeChallenge,
    /// What the directory calls the kind of certificate that is wanted. `profile`, what the authority thinks best.
    pub profile: Option<String>,
}

/// A host name that a certificate is ordered for.
#[derive(Debug, Clone)]
pub struct AcmeName {
    /// In lower case, without a dot at the end.
    pub name: String,
    /// Line that names it.
    pub line: usize,
}

/// The same name is the same, on whatever line it stands.
impl PartialEq for AcmeName {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// An account at an authority.
#[derive(Debug, Clone)]
pub struct AcmeAccountConfig {
    /// The address of the authority's directory. `directory`, Let's Encrypt.
    pub directory: String,
    /// Where the authority can write to, such as `mailto:you@example.com`. `contact`, none.
    pub contact: Vec<String>,
    /// The authorities that the directory's own certificate is checked against, in PEM form. `ca`; those of the system if there is none.
    pub ca: Option<NamedFile>,
    /// The account that the authority knows its customer by (RFC 8555 section 7.3.4). `external_account`, none.
    pub external: Option<ExternalAccountConfig>,
    /// Line of the section in the file, for what shows only when files are read.
    pub line: usize,
}

/// The same settings are the same, on whatever line they stand.
impl PartialEq for AcmeAccountConfig {
    fn eq(&self, other: &Self) -> bool {
        (&self.directory, &self.contact, &self.ca, &self.external)
            == (&other.directory, &other.contact, &other.ca, &other.external)
    }
}

/// What the authority knows its customer by.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalAccountConfig {
    /// `id`.
    pub id: String,
    /// The file with the key that goes with it, as base64. `key_file`.
    pub key: NamedFile,
}

/// Where accounts and certificates are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeStorage {
    /// The folder; `acme` in `state_dir` if none is named.
    pub folder: PathBuf,
    /// Whether other proxies may keep theirs there, too: it was named. `storage`.
    pub is_shared: bool,
}

/// How the authority is shown that a name leads to this proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// It asks for a path on port 80 (RFC 8555 section 8.3). `"http-01"`.
    Http01,
    /// It makes a handshake on port 443 (RFC 8737). `"tls-alpn-01"`.
    TlsAlpn01,
}

impl AcmeChallenge {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

/// What of the rest of the file matters to the section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    /// `state_dir`.
    pub(super) state_dir: Option<&'a Path>,
    /// Whether a listener without TLS is there, which http-01 needs.
    pub(super) has_clear_listener: bool,
}

impl AcmeConfig {
    /// The folder of an account's files: authorities have nothing in common, so that a trial's certificate isn't taken for a good one.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.storage.folder.join(folder_of(&self.account.directory))
    }

    /// The file with a name's certificate and its key. They are in one file as they are replaced together or not at all.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.pem"))
    }

    /// The certificates as those of a listener.
    pub(super) fn certificates(&self) -> impl Iterator<Item = CertificateFiles> {
        self.names.iter().map(|AcmeName { name, line }| {
            let file = NamedFile { path: self.file(name), line: *line };
            CertificateFiles { cert: file.clone(), key: file, ocsp: None, ordered_for: Some(name.clone()) }
        })
    }

    /// What other certificates from the same directory and for the same folder must have in common with these, if it is something else.
    pub(super) fn conflict(&self, other: &Self) -> Option<&'static str> {
        let is_same_place = self.folder() == other.folder();
        let differs = if self.account.contact != other.account.contact {
            "contact"
        } else if self.account.ca != other.account.ca {
            "ca"
        } else if self.account.external != other.account.external {
            "external_account"
        } else {
            return None;
        };
        is_same_place.then_some(differs)
    }
}

/// A folder's name for a directory: its host, and something that tells it from others of this host.
fn folder_of(directory: &str) -> String {
    let rest = directory.strip_prefix("https://").unwrap_or(directory);
    let host = rest.split('/').next().unwrap_or_default().replace([':', '[', ']'], "_");
    // FNV-1a: it has to be the same everywhere and for ever, and nobody gains by a collision.
    let hash =
        rest.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    format!("{host}-{hash:08x}")
}

/// Reads the section.
pub(super) fn acme(value: &Value<'_>, around: Around<'_>) -> Option<AcmeConfig> {
    let line = value.line();
    Section::read(value, ACME, |section| {
        let names = names(section);
        let contact = section.get("contact").map_or_else(|| Some(Vec::new()), |value| contacts(&value));
        let directory =
            section.get("directory").map_or_else(|| Some(LETS_ENCRYPT.into()), |value| directory(&value));
        let ca = section.get("ca").map_or(Some(None), |value| file(&value).map(Some));
        let external = section.get("external_account").map_or(Some(None), |value| external(&value).map(Some));
        let profile =
            section.get("profile").map_or(Some(None), |value| value.name().map(|name| Some(name.to_owned())));
        let challenge = challenge(section, around.has_clear_listener);
        let storage = storage(section, around.state_dir);
        let (directory, contact, ca, external) = (directory?, contact?, ca?, external?);
        let account = AcmeAccountConfig { directory, contact, ca, external, line };
        Some(AcmeConfig {
            names: names?,
            account,
            storage: storage?,
            challenge: challenge?,
            profile: profile?,
        })
    })
}

fn names(section: &mut Section<'_>) -> Option<Vec<AcmeName>> {
    let value = section.required("names", "names = [\"www.example.com\"]")?;
    let items = value.items(NAMES)?;
    if items.is_empty() {
        value.fail("there is no name", NAMES);
        return None;
    }
    if items.len() > MAX_NAMES {
        value.fail(
            format!("are {} names, and may be {MAX_NAMES}", items.len()),
            "divide them among listeners",
        );
        return None;
    }
    let mut unique = Unique::new();
    let names: Vec<_> = items.iter().map(|item| name(item, &mut unique)).collect();
    names.into_iter().collect()
}

fn name<'a>(value: &Value<'a>, unique: &mut Unique<'a, String>) -> Option<AcmeName> {
    let text = value.string()?;
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let fault = if name.starts_with("*.") {
        let message = format!(
            "`{}` is a wildcard, which an authority gives for dns-01 only; that isn't supported",
            excerpt(text)
        );
        Some((
            message,
            "write each host, or name the files of a certificate from elsewhere in `certificates`",
        ))
    } else if name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        let message =
            format!("`{}` is an IP address, and certificates are ordered for host names only", excerpt(text));
        Some((message, "write the host name that clients use"))
    } else if let Err(message) = host_name(&name) {
        Some((
            message,
            "write a host name alone, such as `\"www.example.com\"`, without scheme, port and path",
        ))
    } else if name.contains('_')
        || name.split('.').any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        let message = format!("`{}` is no host name that a certificate can be for", excerpt(text));
        Some((message, "use letters, digits, and hyphens between them"))
    } else {
        None
    };
    if let Some((message, hint)) = fault {
        value.fail(message, hint);
        return None;
    }
    let is_new = unique.add(name.clone(), value, "write each name once");
    is_new.then(|| AcmeName { name, line: value.line() })
}

fn contacts(value: &Value<'_>) -> Option<Vec<String>> {
    match value.raw().as_array() {
        None => contact(value).map(|one| vec![one]),
        Some(_) => value.items(CONTACT)?.iter().map(contact).collect::<Vec<_>>().into_iter().collect(),
    }
}

fn contact(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    let is_address =
        text.strip_prefix("mailto:").and_then(|address| address.split_once('@')).is_some_and(|(who, at)| {
            !who.is_empty()
                && host_name(at).is_ok()
                && who.bytes().all(|byte| byte.is_ascii_graphic() && !b",?@".contains(&byte))
        });
    if !is_address {
        let hint = match text.contains('@') && !text.contains(':') {
            true => format!("write `\"mailto:{}\"`", excerpt(text)),
            false => CONTACT.to_owned(),
        };
        value.fail(format!("`{}` is no `mailto:` with one address", excerpt(text)), hint);
        return None;
    }
    Some(text.to_owned())
}

fn directory(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    let address = match text {
        "letsencrypt" => LETS_ENCRYPT,
        "letsencrypt-staging" => LETS_ENCRYPT_STAGING,
        other => other,
    };
    let uri = address.parse::<Uri>().ok().filter(|uri| {
        uri.scheme() == Some(&Scheme::HTTPS)
            && uri.authority().is_some_and(|host| !host.as_str().contains('@'))
    });
    if uri.is_none() || address.contains('#') {
        value.fail(format!("`{}` is no directory of an authority", excerpt(text)), DIRECTORY);
        return None;
    }
    Some(address.to_owned())
}

fn external(value: &Value<'_>) -> Option<ExternalAccountConfig> {
    Section::read(value, EAB, |section| {
        let id = section.required("id", "id = \"…\"").and_then(|value| value.string());
        let key = section.required("key_file", "key_file = \"eab.key\"").and_then(|value| file(&value));
        Some(ExternalAccountConfig { id: id?.to_owned(), key: key? })
    })
}

fn challenge(section: &mut Section<'_>, has_clear_listener: bool) -> Option<AcmeChallenge> {
    let default = if has_clear_listener { AcmeChallenge::Http01 } else { AcmeChallenge::TlsAlpn01 };
    let choices = [AcmeChallenge::Http01, AcmeChallenge::TlsAlpn01].map(|kind| (kind.name(), kind));
    let chosen = choice(section, "challenge", default, &choices)?;
    if chosen == AcmeChallenge::Http01 && !has_clear_listener {
        let hint = "add a `[[listener]]` without TLS that port 80 leads to, or write `\"tls-alpn-01\"`";
        section.fail("challenge", "is asked for in clear, and every listener speaks TLS", hint);
        return None;
    }
    Some(chosen)
}

fn storage(section: &mut Section<'_>, state_dir: Option<&Path>) -> Option<AcmeStorage> {
    if let Some(value) = section.get("storage") {
        return Some(AcmeStorage { folder: value.path()?, is_shared: true });
    }
    let Some(state_dir) = state_dir else {
        let hint =
            "write `state_dir = \"/var/lib/pointsman\"` at the top of the file, or `storage = \"…\"` here";
        section.fail(
            "storage",
            "is missing, and there is no `state_dir`: nothing could be kept over a restart",
            hint,
        );
        return None;
    };
    Some(AcmeStorage { folder: state_dir.join("acme"), is_shared: false })
}
