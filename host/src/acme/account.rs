//! Accounts at authorities.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use serde::{Deserialize, Serialize};

use super::failure::{Failure, FailureKind};
use super::https::Https;
use super::storage::{Folder, OrderLock};
use crate::config::{AcmeConfig, ExternalAccountConfig};
use crate::regular_file;
use crate::tls::{BackendTls, TlsFault, client_of_authority};

const FILE: &str = "account.json";

/// Largest file with a key of an external account, bytes.
const KEY_BYTES: usize = 4 << 10;

/// Time for the other proxies with this folder to read a new account. Before that they can't answer for it.
const SETTLING: Duration = Duration::from_millis(1_500);

/// An account as it is kept.
#[derive(Serialize, Deserialize)]
struct Stored {
    contact: Vec<String>,
    /// The hash of its key, as base64: what challenges are answered with.
    thumbprint: String,
    credentials: AccountCredentials,
}

/// The hash of the key of the account that is kept in a folder, if there is one.
pub(super) fn thumbprint(folder: &Folder) -> Option<String> {
    #[derive(Deserialize)]
    struct Part {
        thumbprint: String,
    }
    folder.path().join(FILE).exists().then(|| folder.read_json::<Part>(FILE))?.map(|part| part.thumbprint)
}

/// How the authority of a configuration is asked.
///
/// # Errors
///
/// Its certificate can't be checked.
pub(super) fn https(config: &AcmeConfig) -> Result<Https, Vec<TlsFault>> {
    let tls: BackendTls = client_of_authority(&config.account)?;
    Ok(Https::new(Arc::new(tls)))
}

/// Uses the account that is kept in a folder; none if there is none.
pub(super) async fn known(folder: &Folder, https: &Https) -> Result<Option<(Account, Vec<String>)>, Failure> {
    let Some(stored) = folder.path().join(FILE).exists().then(|| folder.read_json::<Stored>(FILE)).flatten()
    else {
        return Ok(None);
    };
    let builder = Account::builder_with_http(Box::new(https.clone()));
    let account = builder.from_credentials(stored.credentials).await?;
    Ok(Some((account, stored.contact)))
}

/// Uses the account that is kept in a folder, or makes one.
pub(super) async fn open(
    config: &AcmeConfig,
    folder: &Folder,
    lock: &OrderLock,
    https: &Https,
) -> Result<Account, Failure> {
    let wanted = &config.account.contact;
    let Some((account, contact)) = known(folder, https).await? else {
        return create(config, folder, lock, https).await;
    };
    if contact != *wanted {
        let contacts: Vec<&str> = wanted.iter().map(String::as_str).collect();
        match account.update_contacts(&contacts).await.map_err(Failure::from) {
            Ok(()) => {
                if let Some(stored) = folder.read_json::<Stored>(FILE) {
                    folder.write_json(lock, FILE, &Stored { contact: wanted.clone(), ..stored })?;
                }
            }
            Err(failure) if is_forgotten(&failure) => return create(config, folder, lock, https).await,
            Err(failure) => return Err(failure),
        }
    }
    Ok(account)
}

/// Whether the authority doesn't know the account any more.
pub(super) fn is_forgotten(failure: &Failure) -> bool {
    failure.is("accountDoesNotExist")
}

/// Makes an account. The configuration says that its owner agrees to the authority's terms.
pub(super) async fn create(
    config: &AcmeConfig,
    folder: &Folder,
    lock: &OrderLock,
    https: &Https,
) -> Result<Account, Failure> {
    let external = config.account.external.as_ref().map(external_key).transpose()?;
    let contacts: Vec<&str> = config.account.contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contacts, terms_of_service_agreed: true, only_return_existing: false };
    let directory = config.account.directory.clone();
    let builder = Account::builder_with_http(Box::new(https.clone()));
    let (account, credentials) = builder.create(&new, directory, external.as_ref()).await?;
    let contact = config.account.contact.clone();
    let thumbprint = account.key_thumbprint().to_owned();
    folder.write_json(lock, FILE, &Stored { contact, thumbprint, credentials })?;
    tracing::info!(
        event = "acme-account-made",
        directory = config.account.directory,
        account = account.id(),
        "a new account with this authority"
    );
    if config.storage.is_shared {
        tokio::time::sleep(SETTLING).await;
    }
    Ok(account)
}

fn external_key(config: &ExternalAccountConfig) -> Result<ExternalAccountKey, Failure> {
    let key = read_external_key(config).map_err(|(what, _)| Failure::new(FailureKind::Local, what))?;
    Ok(ExternalAccountKey::new(config.id.clone(), &key))
}

/// The key of an external account; or what is wrong with it, and what to do.
pub(super) fn read_external_key(config: &ExternalAccountConfig) -> Result<Vec<u8>, (String, &'static str)> {
    let path = config.key.path.display();
    let text = regular_file::read(&config.key.path, KEY_BYTES).map_err(|error| {
        (format!("{path} can't be read: {error}"), "put the key that the authority has given there")
    })?;
    // Authorities write it in either alphabet.
    let text: Vec<u8> = text
        .trim_ascii()
        .iter()
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            byte => *byte,
        })
        .collect();
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(&text);
    let key = URL_SAFE_NO_PAD.decode(text).ok().filter(|key| !key.is_empty());
    key.ok_or_else(|| {
        (format!("{path} holds no key as base64"), "put the key that the authority has given there, as it is")
    })
}
