//! Operators' overrides on their way to the pools.

use std::sync::Arc;

use pointsman_core::pool::Pool;
use pointsman_core::topology::Member;

use crate::config::Config;
use crate::control::archive::{Archive, ArchiveQueue};
use crate::control::overrides::Overrides;
use crate::control::policy_overrides::PolicyOverrides;
use crate::control::state_lock::StateLock;

/// What operators have changed, and where that is kept.
pub(super) struct Steered {
    /// Of backends.
    pub(super) overrides: Overrides,
    /// Policies that serve in the place of the file's.
    pub(super) policies: PolicyOverrides,
    /// Where it is written down what becomes of versions; `None` without a `state_dir`.
    pub(super) archive: Option<ArchiveQueue>,
}

/// The overrides that were kept, as far as the file hasn't changed since. The pools have them from now on.
pub(super) fn at_start<'a>(config: &Config, pools: impl Iterator<Item = &'a Arc<Pool>>) -> Overrides {
    let mut overrides = Overrides::open(config.state_dir.as_ref().map(|folder| &*folder.path));
    overrides.follow(config);
    apply(&overrides, pools);
    overrides
}

/// The policies that operators have put, as they are kept in `state_dir`.
pub(super) fn put_policies(config: &Config, state: Option<&(Archive, StateLock)>) -> PolicyOverrides {
    let lock = state.map(|(_, lock)| lock.clone());
    PolicyOverrides::open(config.state_dir.as_ref().map(|folder| &*folder.path).zip(lock))
}

/// Gives pools their overrides.
pub(super) fn apply<'a>(overrides: &Overrides, pools: impl Iterator<Item = &'a Arc<Pool>>) {
    for pool in pools {
        let wanted = overrides.of_pool(&pool.name);
        if pool.overrides() != wanted {
            // The backends stay, so none is a newcomer.
            pool.change_backends(|members| members.overrides = wanted, Member::healthy);
        }
    }
}
