//! The policies of a configuration: one for each pool, and one for each route that has its own.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pointsman_core::pool::Pool;
use pointsman_core::printable::Printable;
use pointsman_core::request_limit::RequestLimit;
use pointsman_policy::{
    Cells, LeftOutFile, Opened, Picker, Plugin, PolicyLoader, PolicySettings, PolicySlot, Quarantine,
    Refusal, VersionId,
};

use crate::config::{
    Config, ConfigError, ConfigErrors, HeaderPlan, HeaderRulesConfig, PolicyConfig, PolicySource,
    RouteConfig, RouteTarget,
};
use crate::control::archive::{Archive, UsedAt};
use crate::control::change::PolicyPlace;
use crate::control::plugin_file;
use crate::control::policy_overrides::{PolicyInFile, PolicyOverrides};
use crate::control::status::PolicyStatus;
use crate::control::watch::PluginFile;
use crate::worker::{PolicyAssignment, RouteAssignment, TargetAssignment};

use super::answers::AnswerFiles;
use super::pools::{self, PreparedPool};

/// A place where the configuration names a policy.
#[derive(Debug)]
pub(super) struct Use<'a> {
    /// Index of the pool that it picks from.
    pool: usize,
    policy: &'a PolicyConfig,
    /// The route that it picks for, if it isn't the pool's own.
    route: Option<&'a RouteConfig>,
    key: String,
}

/// What is remembered of policies beside the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remembered<'a> {
    /// The versions that were good; only at the start.
    pub(super) archive: Option<&'a Archive>,
    /// Those that operators have put in the place of the file's.
    pub(super) put: &'a PolicyOverrides,
}

/// A policy of the running configuration, and what it was made from.
#[derive(Debug, Clone)]
pub(super) struct ActivePolicy {
    source: PolicySource,
    /// The file whose content it follows; `None` if it is a bundled one for good.
    file: Option<PathBuf>,
    settings: PolicySettings,
    cells: Arc<Cells>,
    /// The version in the file, if the slot was opened with one that an operator has put.
    put_over: Option<VersionId>,
    /// Index of the pool that it picks from.
    pub(super) pool: usize,
    pub(super) slot: Arc<PolicySlot>,
    /// The place in words, as a key of the configuration.
    pub(super) key: String,
}

/// All uses: the pools' own in their order, then those of the routes that have one.
fn uses(config: &Config) -> Vec<Use<'_>> {
    let of_pools = config.pools.iter().enumerate().map(|(index, pool)| Use {
        pool: index,
        policy: &pool.policy,
        route: None,
        key: format!("pool.{}.policy", pool.name),
    });
    let of_routes = config.routes.iter().enumerate().filter_map(|(index, route)| {
        let (pool, policy) = route.own_policy()?;
        Some(Use { pool, policy, route: Some(route), key: format!("route[{index}].policy") })
    });
    of_pools.chain(of_routes).collect()
}

/// A policy as the next worker gets it.
pub(super) fn assignment(
    (policy, pickers): (&ActivePolicy, &mut Option<impl Iterator<Item = Picker>>),
) -> PolicyAssignment {
    PolicyAssignment {
        slot: Arc::clone(&policy.slot),
        pool: policy.pool,
        picker: pickers.as_mut().and_then(Iterator::next),
    }
}

/// Each route with the index of the policy that picks for it.
pub(super) fn of_routes(
    config: &Config,
    limits: &[Arc<RequestLimit>],
    answers: &AnswerFiles,
) -> Vec<RouteAssignment> {
    let mut own = config.pools.len()..;
    let assignment = |route: &RouteConfig| RouteAssignment {
        name: route.name.as_deref().map(Arc::from),
        pattern: route.pattern.clone(),
        target: match &route.target {
            RouteTarget::Pool { pool, policy: None } => TargetAssignment::Policy(*pool),
            RouteTarget::Pool { pool, policy: Some(_) } => {
                TargetAssignment::Policy(own.next().unwrap_or(*pool))
            }
            RouteTarget::Split(split) => TargetAssignment::Split(Arc::new(split.clone())),
            RouteTarget::Redirect(redirect) => TargetAssignment::Redirect(Arc::clone(redirect)),
            RouteTarget::Respond(respond) => TargetAssignment::Respond(Arc::new(answers.answer(respond))),
        },
        rewrite: route.rewrite.clone(),
        headers: header_plans(config, route),
        mirror: route
            .mirror
            .as_ref()
            .map(|mirror| (Arc::new(mirror.clone()), header_plan(config, route, mirror.pool))),
        limits: route.limits.iter().filter_map(|limit| limits.get(*limit)).cloned().collect(),
        exchange: route.exchange,
    };
    config.routes.iter().map(assignment).collect()
}

/// The rules for the fields of what goes to each of a route's pools, or of its own answers if it has none, if there are any.
fn header_plans(config: &Config, route: &RouteConfig) -> Option<Arc<[Option<HeaderPlan>]>> {
    let pools = route.pools();
    let plans: Arc<[_]> = if pools.is_empty() {
        let of_route = (route.name.as_deref(), &route.headers);
        Arc::new([HeaderPlan::new(of_route, ("", &HeaderRulesConfig::default()), false)])
    } else {
        pools.into_iter().map(|pool| header_plan(config, route, pool)).collect()
    };
    plans.iter().any(Option::is_some).then_some(plans)
}

/// The rules for the fields of what goes from a route to a pool, if there are any.
fn header_plan(config: &Config, route: &RouteConfig, pool: usize) -> Option<HeaderPlan> {
    let pool = config.pools.get(pool)?;
    let of_route = (route.name.as_deref(), &route.headers);
    HeaderPlan::new(of_route, (&pool.name, &pool.headers), pool.tls.is_some())
}

/// Admits every plugin, without running a policy.
pub(super) fn check(config: &Config, file: &Path, loader: &PolicyLoader) -> Result<(), ConfigErrors> {
    let pools: Vec<Arc<Pool>> = config.pools.iter().map(|pool| Arc::new(pools::new(pool))).collect();
    let faults = uses(config).into_iter().filter_map(|used| {
        let plugin = used.plugin(config, file);
        let checked = plugin.and_then(|plugin| {
            let checked = loader.check(Arc::clone(&pools[used.pool]), used.settings(), plugin);
            checked.map_err(|refusal| used.fault(file, &refusal))
        });
        checked.err()
    });
    ConfigErrors::none_or(faults.collect())
}

/// Opens the policies of a configuration: those of `before` that stay as they are, and new ones, each with a picker for every
/// worker. Those that can't be opened go to `faults`.
///
/// A plugin file that can't serve doesn't keep the proxy from starting if the archive has a version that could.
pub(super) fn open(
    config: &Config,
    file: &Path,
    loader: &PolicyLoader,
    remembered: Remembered<'_>,
    pools: &[PreparedPool],
    before: &[ActivePolicy],
    faults: &mut Vec<ConfigError>,
) -> Vec<(ActivePolicy, Option<Vec<Picker>>)> {
    let open = |used: Use<'_>| {
        let pool = &pools[used.pool];
        let settings = used.settings();
        let old = before.iter().find(|old| old.is_for(&pool.pool, &settings));
        let follows = plugin_file::path(&used.policy.source, config.policy_dir.as_deref());
        if let Some(old) = old
            && (&old.source, &old.file, &old.settings) == (&used.policy.source, &follows, &settings)
            && Arc::ptr_eq(old.slot.pool(), &pool.pool)
        {
            return Ok((ActivePolicy { pool: used.pool, key: used.key, ..old.clone() }, None));
        }
        let plugin = used.plugin(config, file)?;
        let cells = old.map_or_else(Arc::default, |old| Arc::clone(&old.cells));
        let open = |plugin| loader.open(Arc::clone(&pool.pool), settings.clone(), Arc::clone(&cells), plugin);
        let rehearse = |plugin: Plugin| match &pool.rehearsal {
            // The pool itself still has its old backends.
            Some(rehearsal) => loader.check(Arc::clone(rehearsal), settings.clone(), plugin).map(drop),
            None => Ok(()),
        };
        let quarantine = old.and_then(|old| old.slot.quarantine());
        let put = used.put(config, &plugin, remembered, quarantine.as_ref());
        let put = put.and_then(|put| {
            let opened = rehearse(put.clone()).and_then(|()| open(put));
            opened.map_err(|refusal| log_put_refused(&used.place(config), &refusal)).ok()
        });
        let fault = |refusal| used.fault(file, &refusal);
        let put_over = put.is_some().then(|| VersionId::of(&plugin.content));
        let opened = match put {
            Some(opened) => Ok(opened),
            None if quarantine.as_ref().is_some_and(|it| it.version == VersionId::of(&plugin.content)) => {
                let reason = quarantine.map(|quarantine| quarantine.reason).unwrap_or_default();
                Err(Refusal::Quarantined { reason })
            }
            None => rehearse(plugin.clone()).and_then(|()| {
                match remembered.archive.filter(|_| !plugin.is_bundled()) {
                    Some(archive) => open_or_last_good(archive, &pool.pool, &settings, plugin, open),
                    None => open(plugin),
                }
            }),
        };
        let Opened { slot, pickers } = opened.map_err(fault)?;
        let source = used.policy.source.clone();
        let Use { pool, key, .. } = used;
        let active = ActivePolicy { source, file: follows, settings, cells, put_over, pool, slot, key };
        Ok((active, Some(pickers)))
    };
    let opened = uses(config).into_iter().map(open);
    opened.filter_map(|opened| opened.map_err(|fault| faults.push(fault)).ok()).collect()
}

/// Opens a slot with a plugin file, or with its last good version if the file can't serve.
fn open_or_last_good(
    archive: &Archive,
    pool: &Pool,
    settings: &PolicySettings,
    plugin: Plugin,
    open: impl Fn(Plugin) -> Result<Opened, Refusal>,
) -> Result<Opened, Refusal> {
    let used_at = UsedAt::of(pool, settings, &plugin.origin);
    let quarantine = archive.quarantine(&used_at);
    let quarantine = quarantine.filter(|kept_out| kept_out.version == VersionId::of(&plugin.content));
    let opened = match &quarantine {
        Some(Quarantine { reason, .. }) => Err(Refusal::Quarantined { reason: reason.clone() }),
        None => open(plugin),
    };
    opened.or_else(|refusal| {
        let Some(good) = archive.last_good(&used_at) else { return Err(refusal) };
        // The operator has to know of the fault in the file, whether or not the copy can serve.
        let opened = open(good).map_err(|_| refusal.clone())?;
        let UsedAt { pool, route, file } = used_at;
        let version = opened.slot.active().version.id;
        tracing::error!(
            event = "policy-restored", pool, route, file, %version,
            "the plugin file can't serve; the last good version does, until the file is mended: {refusal}"
        );
        if quarantine.is_none() {
            let (file, reason) = (file.as_str().into(), Printable::text(&refusal));
            opened.slot.set_left_out(Some(LeftOutFile { file, reason }));
        }
        opened.slot.set_quarantine(quarantine);
        Ok(opened)
    })
}

/// What the configuration says of the policy in a place, and the plugin if it can be read; none if there is no such place.
pub(super) fn in_file(
    config: &Config,
    place: &PolicyPlace,
) -> Option<(PolicyInFile, Option<Cow<'static, [u8]>>)> {
    let used = used(config, place)?;
    let plugin = plugin_file::find(&used.policy.source, config.policy_dir.as_deref());
    let plugin = plugin.ok();
    Some((used.in_file(plugin.as_ref()), plugin.map(|plugin| plugin.content)))
}

/// Where the configuration names the policy of a place.
pub(super) fn used<'a>(config: &'a Config, place: &PolicyPlace) -> Option<Use<'a>> {
    uses(config).into_iter().find(|used| used.place(config) == *place)
}

/// Drops what operators have put where these policies serve by now, as the configuration says something else.
pub(super) fn follow(put: &PolicyOverrides, config: &Config, slots: &[Arc<PolicySlot>]) {
    let slot = |place: &PolicyPlace| slots.iter().find(|slot| PolicyPlace::of(slot) == *place);
    put.follow(
        |place| in_file(config, place).map(|(in_file, _)| in_file),
        |place| slot(place).map(|slot| slot.active().version.id),
    );
}

/// The plugin files that a configuration names, whether or not they exist.
pub(super) fn files(config: &Config) -> Vec<PathBuf> {
    let file = |used: Use<'_>| plugin_file::path(&used.policy.source, config.policy_dir.as_deref());
    uses(config).into_iter().filter_map(file).collect()
}

impl ActivePolicy {
    /// Whether it has the place of a policy with these settings, so that its state in the host goes on with that one.
    fn is_for(&self, pool: &Pool, settings: &PolicySettings) -> bool {
        self.slot.pool().name == pool.name && self.settings.route == settings.route
    }

    /// What is published of it.
    pub(super) fn status(&self) -> PolicyStatus {
        PolicyStatus { slot: Arc::clone(&self.slot) }
    }

    /// The plugin file to follow for it.
    pub(super) fn watched(&self) -> Option<PluginFile> {
        let (path, slot) = (self.file.clone()?, Arc::clone(&self.slot));
        Some(PluginFile { path, slot, put_over: self.put_over })
    }
}

fn log_put_refused(PolicyPlace { pool, route }: &PolicyPlace, refusal: &Refusal) {
    tracing::error!(
        event = "put-policy-refused",
        pool,
        route,
        label = refusal.label(),
        "the policy that an operator had put can't serve, so it is the file's turn: {refusal}"
    );
}

/// How a policy is called: its name, or the path of its file.
fn name(source: &PolicySource) -> String {
    match source {
        PolicySource::Named(name) => name.clone(),
        PolicySource::File(path) => path.display().to_string(),
    }
}

impl Use<'_> {
    fn place(&self, config: &Config) -> PolicyPlace {
        let route = self.route.map(RouteConfig::label);
        PolicyPlace { pool: config.pools[self.pool].name.clone(), route }
    }

    /// The plugin that an operator has put here, unless the file says something else by now, or it was taken back.
    fn put(
        &self,
        config: &Config,
        plugin: &Plugin,
        remembered: Remembered<'_>,
        quarantine: Option<&Quarantine>,
    ) -> Option<Plugin> {
        let place = self.place(config);
        let put = remembered.put.plugin(&place, &self.in_file(Some(plugin)))?;
        let used_at = UsedAt::at(place.clone(), &put.origin);
        let kept_out = remembered.archive.and_then(|archive| archive.quarantine(&used_at));
        let mut kept_out = quarantine.into_iter().chain(&kept_out);
        let Some(quarantine) = kept_out.find(|it| it.version == VersionId::of(&put.content)) else {
            return Some(put);
        };
        log_put_refused(&place, &Refusal::Quarantined { reason: quarantine.reason.clone() });
        None
    }

    fn in_file(&self, plugin: Option<&Plugin>) -> PolicyInFile {
        let version = plugin
            .filter(|plugin| !plugin.is_bundled())
            .map(|plugin| VersionId::of(&plugin.content).to_hex());
        PolicyInFile { source: name(&self.policy.source), version }
    }

    fn settings(&self) -> PolicySettings {
        let route = self.route.map(|route| route.label().into());
        PolicySettings { route, ..self.policy.settings.clone() }
    }

    /// The plugin that it names.
    pub(super) fn plugin(&self, config: &Config, file: &Path) -> Result<Plugin, ConfigError> {
        plugin_file::find(&self.policy.source, config.policy_dir.as_deref())
            .map_err(|error| self.fault(file, &error))
    }

    fn fault(&self, file: &Path, error: &dyn std::error::Error) -> ConfigError {
        self.faults(file)(error)
    }

    /// Says of an error where it shows.
    pub(super) fn faults(&self, file: &Path) -> impl Fn(&dyn std::error::Error) -> ConfigError + use<> {
        let (file, line, key) = (file.to_path_buf(), Some(self.policy.line), self.key.clone());
        move |error| ConfigError {
            file: file.clone(),
            line,
            key: key.clone(),
            message: error.to_string(),
            hint: String::new(),
        }
    }
}
