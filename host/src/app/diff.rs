//! The differences between two configurations, in one line for the log.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display};
use std::hash::Hash;
use std::path::Path;

use pointsman_core::pool::ExchangeLimits;
use pointsman_core::route::{RoutePattern, TargetChange};

use crate::config::{
    Config, HeaderRulesConfig, MirrorConfig, PoolConfig, Redirect, Respond, RouteTarget, StatusPattern,
};

/// ConfigDiff that are named; of the rest there is a number.
const NAMED: usize = 12;

/// The differences between two configurations.
#[derive(Debug, Default)]
pub(super) struct ConfigDiff(Vec<String>);

impl ConfigDiff {
    /// From one configuration to another one, in which these policies are new.
    pub(super) fn between<'a>(
        old: &Config,
        new: &Config,
        new_policies: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut diff = Self::default();
        let old_pools = || old.pools.iter();
        let new_pools = || new.pools.iter();
        diff.come_and_go("pool", old_pools().map(|p| &p.name), new_pools().map(|p| &p.name));
        for pool in new_pools() {
            if let Some(before) = old_pools().find(|before| before.name == pool.name) {
                diff.in_pool(before, pool);
            }
        }
        let old_listeners = || old.listeners.iter();
        let new_listeners = || new.listeners.iter();
        diff.come_and_go(
            "listener",
            old_listeners().map(|l| &l.address),
            new_listeners().map(|l| &l.address),
        );
        for listener in new_listeners() {
            let before = old_listeners().find(|before| before.address == listener.address);
            if before.is_some_and(|before| !before.has_settings_of(listener)) {
                diff.add(format!("~listener {}", listener.address));
            }
        }
        for policy in new_policies {
            // The policy of a new pool isn't a difference of its own.
            if old_pools().any(|pool| policy == format!("pool.{}.policy", pool.name))
                || policy.starts_with("route")
            {
                diff.add(format!("~{policy}"));
            }
        }
        diff.in_limits(old, new);
        if old.error_pages != new.error_pages {
            diff.add("~error pages".to_owned());
        }
        diff.in_routes(old, new);
        if old.watch != new.watch {
            diff.add("~watch".to_owned());
        }
        if old.drain_delay != new.drain_delay {
            diff.add("~drain_delay".to_owned());
        }
        let same_log = match (&old.access_log, &new.access_log) {
            (Some(old), Some(new)) => old.has_settings_of(new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if !same_log {
            diff.add("~access_log".to_owned());
        }
        if old.drain_timeout != new.drain_timeout {
            diff.add("~drain_timeout".to_owned());
        }
        diff
    }

    /// The same, and these files.
    pub(super) fn with_files<'a>(mut self, files: impl Iterator<Item = &'a Path>) -> Self {
        files.for_each(|file| self.add(format!("~file {}", file.display())));
        self
    }

    fn in_routes(&mut self, old: &Config, new: &Config) {
        if routes(old) != routes(new) {
            let (before, after) = (old.routes.len(), new.routes.len());
            let numbers = if before == after { String::new() } else { format!(" ({before} to {after})") };
            self.add(format!("~routes{numbers}"));
        }
    }

    fn in_limits(&mut self, old: &Config, new: &Config) {
        let (names, new_names) = (old.limits.iter(), new.limits.iter());
        self.come_and_go("limit", names.map(|limit| &limit.name), new_names.map(|limit| &limit.name));
        for limit in &new.limits {
            if old.limits.iter().any(|before| before.name == limit.name && before != limit) {
                self.add(format!("~limit {}", limit.name));
            }
        }
    }

    fn in_pool(&mut self, old: &PoolConfig, new: &PoolConfig) {
        let name = &new.name;
        let mut backends = Self::default();
        backends.come_and_go(
            "backend",
            old.backends.iter().map(|backend| &backend.name),
            new.backends.iter().map(|backend| &backend.name),
        );
        let before: HashMap<&str, _> =
            old.backends.iter().map(|backend| (backend.name.as_str(), backend)).collect();
        for backend in &new.backends {
            if before.get(backend.name.as_str()).is_some_and(|before| *before != backend) {
                backends.add(format!("~backend {}", backend.name));
            }
        }
        if backends.0.is_empty() && old.backends != new.backends {
            backends.add("~order of the backends".to_owned());
        }
        if old.limits != new.limits {
            backends.add("~limits".to_owned());
        }
        if old.tls != new.tls {
            backends.add("~tls".to_owned());
        }
        if old.sticky != new.sticky {
            backends.add("~sticky".to_owned());
        }
        if old.compression != new.compression {
            backends.add("~compression".to_owned());
        }
        if old.health != new.health {
            backends.add("~health".to_owned());
        }
        if old.headers != new.headers {
            backends.add("~headers".to_owned());
        }
        if (&old.error_pages, &old.intercept) != (&new.error_pages, &new.intercept) {
            backends.add("~error pages".to_owned());
        }
        if old.hash_seed != new.hash_seed {
            backends.add("~hash_seed".to_owned());
        }
        if !backends.0.is_empty() {
            self.add(format!("~pool {name} ({backends})"));
        }
    }

    fn come_and_go<'a, T: Eq + Hash + Display + 'a>(
        &mut self,
        what: &str,
        old: impl Iterator<Item = &'a T>,
        new: impl Iterator<Item = &'a T>,
    ) {
        let (old, new): (Vec<&T>, Vec<&T>) = (old.collect(), new.collect());
        for (sign, here, there) in [('+', &new, &old), ('-', &old, &new)] {
            let there: HashSet<&T> = there.iter().copied().collect();
            for thing in here.iter().filter(|thing| !there.contains(*thing)) {
                self.add(format!("{sign}{what} {thing}"));
            }
        }
    }

    fn add(&mut self, change: String) {
        self.0.push(change);
    }
}

/// What a route matches and where it leads.
#[derive(PartialEq)]
struct RouteParts<'a> {
    name: Option<&'a str>,
    pattern: &'a RoutePattern,
    pools: Vec<&'a str>,
    /// Of the pools in a split.
    weights: Vec<u32>,
    limits: Vec<&'a str>,
    exchange: ExchangeLimits,
    has_policy: bool,
    /// The rules for fields, how paths change, and which answers of backends a page takes the place of.
    changes: (&'a HeaderRulesConfig, Option<&'a TargetChange>, Option<&'a [StatusPattern]>),
    /// What answers in the place of a pool.
    answer: (Option<&'a Redirect>, Option<&'a Respond>),
    /// By the name of its pool.
    mirror: Option<(&'a str, MirrorConfig)>,
}

/// The parts of routes that decide where a request goes and what becomes of its fields.
fn routes(config: &Config) -> Vec<RouteParts<'_>> {
    let name = |pool: usize| config.pools.get(pool).map_or("", |pool| &pool.name);
    let routes = config.routes.iter();
    let parts = routes.map(|route| {
        let pools = route.pools().into_iter().map(name).collect();
        let weights = match &route.target {
            RouteTarget::Split(split) => split.shares.iter().map(|(_, weight)| *weight).collect(),
            _ => Vec::new(),
        };
        let answer = match &route.target {
            RouteTarget::Redirect(redirect) => (Some(&**redirect), None),
            RouteTarget::Respond(respond) => (None, Some(&**respond)),
            _ => (None, None),
        };
        let limits = route.limits.iter().filter_map(|limit| config.limits.get(*limit));
        RouteParts {
            name: route.name.as_deref(),
            pattern: &route.pattern,
            pools,
            weights,
            limits: limits.map(|limit| &*limit.name).collect(),
            exchange: route.exchange,
            has_policy: route.own_policy().is_some(),
            changes: (&route.headers, route.rewrite.as_deref(), route.intercept.as_deref()),
            answer,
            mirror: route
                .mirror
                .as_ref()
                .map(|mirror| (name(mirror.pool), MirrorConfig { pool: 0, ..*mirror })),
        }
    });
    parts.collect()
}

impl Display for ConfigDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing that is served");
        }
        f.write_str(&self.0[..self.0.len().min(NAMED)].join(", "))?;
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let listeners = "[[listener]]\naddress = \"127.0.0.1:80\"\n";
        Config::parse(&format!("{listeners}{text}"), Path::new("test.toml")).expect("a configuration")
    }

    fn check(old: &str, new: &str, expected: &str) {
        let changes = ConfigDiff::between(&config(old), &config(new), std::iter::empty());
        assert_eq!(changes.to_string(), expected, "{old} -> {new}");
    }

    #[test]
    fn what_has_changed_is_named() {
        let web = "[pool.web]\nbackends = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n";
        check(web, web, "nothing that is served");
        check(web, &format!("# a comment\n{web}"), "nothing that is served");
        check(web, &web.replace(":2", ":3"), "~pool web (+backend 127.0.0.1:3, -backend 127.0.0.1:2)");
        check(
            web,
            "[pool.web]\nbackends = [\"127.0.0.1:2\", \"127.0.0.1:1\"]\n",
            "~pool web (~order of the backends)",
        );
        let routed = format!("[[route]]\npool = \"web\"\n{web}");
        let rules = "pool = \"web\"\nresponse_headers.remove = \"a\"";
        check(&routed, &routed.replace("pool = \"web\"", rules), "~routes");
        let one_more = format!("[[route]]\npath = \"/a\"\npool = \"web\"\n{routed}");
        check(&routed, &one_more, "~routes (1 to 2)");
        let larger = "pool = \"web\"\nmax_body = \"1MiB\"";
        check(&routed, &routed.replace("pool = \"web\"", larger), "~routes");
        check(web, &format!("{web}tunnel_timeout = \"1h\"\n"), "~pool web (~limits)");
        check(web, &format!("{web}host_header = \"backend\"\n"), "~pool web (~headers)");
        check(web, &format!("{web}idle_timeout = \"1s\"\n"), "~pool web (~limits)");
        check(web, &web.replace("web", "api"), "+pool api, -pool web, ~routes");
        let redirect = |to: &str| format!("[[route]]\nredirect = 'http://{to}'\n{web}");
        check(&redirect("a.test"), &redirect("b.test"), "~routes");
        let rewrite = |to: &str| format!("[[route]]\npool = \"web\"\nrewrite = \"{to}\"\n{web}");
        check(&rewrite("/a"), &rewrite("/b"), "~routes");
        let respond = |how: &str| format!("[[route]]\nrespond = {how}\n{web}");
        check(&respond("404"), &respond("410"), "~routes");
        check(&respond("404"), &respond("{ status = 404 }"), "nothing that is served");
        let page = |text: &str| format!("[[error_page]]\nstatus = 503\ntext = \"{text}\"\n{web}");
        check(&page("a"), &page("b"), "~error pages");
        check(&page("a"), &format!("{}intercept = 503\n", page("a")), "~pool web (~error pages)");
        let intercepting = "[[route]]\npool = \"web\"\nintercept = 503\n[[error_page]]";
        let routed = page("a").replace("[[error_page]]", "[[route]]\npool = \"web\"\n[[error_page]]");
        check(&routed, &page("a").replace("[[error_page]]", intercepting), "~routes");
        let weighted =
            "[pool.web]\nbackends = [\"127.0.0.1:1\", { address = \"127.0.0.1:2\", weight = 2 }]\n";
        check(web, weighted, "~pool web (~backend 127.0.0.1:2)");
        check(web, &format!("[[listener]]\naddress = \"127.0.0.1:81\"\n{web}"), "+listener 127.0.0.1:81");
        check(web, &format!("max_connections = 7\n{web}"), "~listener 127.0.0.1:80");
        let limit = |rate: &str| {
            format!(
                "[limit.x]\nkey = \"all\"\nrate = \"{rate}\"\n[[route]]\nlimits = \"x\"\npool = \"web\"\n{web}"
            )
        };
        check(web, &limit("1/s"), "+limit x, ~routes");
        check(&limit("1/s"), &limit("2/s"), "~limit x");
        let mirror = |share: &str, more: &str| {
            let shadow = "[pool.shadow]\nbackends = [\"127.0.0.1:3\"]\n";
            format!(
                "[[route]]\npool = \"web\"\nmirror = {{ pool = \"shadow\", share = \"{share}\" }}\n{more}{web}{shadow}"
            )
        };
        check(&mirror("1%", ""), &mirror("2%", ""), "~routes");
        let first = "[pool.first]\nbackends = [\"127.0.0.1:4\"]\n";
        check(&mirror("1%", ""), &mirror("1%", first), "+pool first");
        check(&limit("1/s"), web, "-limit x, ~routes");
    }

    #[test]
    fn a_thousand_changes_are_one_line() {
        let pool = |from: u16| {
            let backends: Vec<String> =
                (from..from + 500).map(|port| format!("\"127.0.0.1:{port}\"")).collect();
            format!("[pool.web]\nbackends = [{}]\n", backends.join(", "))
        };
        let changes =
            ConfigDiff::between(&config(&pool(1_000)), &config(&pool(2_000)), std::iter::empty()).to_string();
        assert!(changes.len() < 1_000 && changes.contains("and 988 more"), "{changes}");
    }
}
