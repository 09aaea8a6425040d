//! One certificate that is kept valid.

use std::path::PathBuf;
use std::sync::Arc;

use super::storage::Folder;
use crate::config::AcmeConfig;

/// A certificate that is to be there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Managed {
    /// For whom.
    pub(super) name: String,
    pub(super) config: Arc<AcmeConfig>,
    pub(super) folder: Folder,
}

impl Managed {
    /// All of these configurations, each once.
    pub(super) fn all(configs: &[AcmeConfig]) -> Vec<Self> {
        let mut all = Vec::<Self>::new();
        for config in configs {
            let config = Arc::new(config.clone());
            let folder = Folder::new(config.folder());
            for name in &config.names {
                let managed =
                    Self { name: name.name.clone(), config: Arc::clone(&config), folder: folder.clone() };
                if !all.iter().any(|known| known.path() == managed.path()) {
                    all.push(managed);
                }
            }
        }
        all
    }

    /// The file with the certificate and its key.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(self.file())
    }

    pub(super) fn file(&self) -> String {
        format!("{}.pem", self.name)
    }

    /// The file with an order that was begun.
    pub(super) fn order_file(&self) -> String {
        format!("{}.order.json", self.name)
    }

    /// The file with what went wrong since the last certificate.
    pub(super) fn failures_file(&self) -> String {
        format!("{}.failures.json", self.name)
    }
}
