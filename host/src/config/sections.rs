//! The file as a whole, and `[[listener]]`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use pointsman_core::address::Address;
use pointsman_core::route::PathNormalization;

use super::access_log::access_log;
use super::acme::Around;
use super::address::{add_address, local, networks};
use super::admin::admin;
use super::certificate_files::file;
use super::dns::{DnsConfig, dns};
use super::error_page::error_pages;
use super::limit;
use super::listener_http2::http2;
use super::metrics::{MetricsConfig, metrics};
use super::model::{Config, DownstreamLimits, EarlyHintsUse, ListenerConfig, PoolConfig, RequestIdUse};
use super::pool::pools;
use super::proxy_protocol::proxy_protocol;
use super::read::{BODY, HEAD_BYTES, Section, TIMEOUT, Unique, Value, choice};
use super::route::{Known, routes, warn_of_http1, warn_of_shared_cookies};
use super::socket_path::{mode, socket};
use super::tls::tls;
use super::traces::tracing;
use super::units::SIZE;

const LISTENER: &str = "write `[[listener]]` above its keys";
const TRUSTED_PROXIES: &str = "write `trusted_proxies = [\"10.0.0.0/8\"]`";

/// Most worker threads.
const MAX_WORKERS: usize = 1_024;

/// Range of `max_uri_bytes`; the `http` crate takes no more than 65,534.
const URI_BYTES: RangeInclusive<u64> = 256..=63 << 10;

/// Range of `drain_delay`: routing that takes longer than minutes to follow isn't waited for.
const DRAIN_DELAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(10);

/// The whole file.
pub(super) fn config(root: &Value<'_>) -> Option<Config> {
    Section::read(root, "", |root| {
        let workers = root.integer("workers", cpus(), 1..=MAX_WORKERS);
        let watch = root.boolean("watch", true);
        let policy_dir = root.get("policy_dir").map_or(Some(None), |value| directory(&value).map(Some));
        let state_dir = root.get("state_dir").map_or(Some(None), |value| file(&value).map(Some));
        let drain_delay = root.duration("drain_delay", Duration::ZERO, DRAIN_DELAY);
        let drain_timeout = root.duration("drain_timeout", Duration::from_secs(30), TIMEOUT);
        let mut addresses = Unique::new();
        let kept_in = state_dir.iter().flatten().next().map(|folder| &*folder.path);
        let listeners = listeners(root, &mut addresses, kept_in);
        let admin = root.get("admin").map_or(Some(None), |value| admin(&value, &mut addresses).map(Some));
        let access_log = root.get("access_log").map_or(Some(None), |value| access_log(&value).map(Some));
        let metrics = root
            .get("metrics")
            .map_or_else(|| Some(MetricsConfig::default()), |value| metrics(&value, &mut addresses));
        let tracing = root.get("tracing").map_or(Some(None), |value| tracing(&value).map(Some));
        let dns = root.get("dns").map_or_else(|| Some(DnsConfig::default()), |value| dns(&value));
        let pages = error_pages(root);
        let pools = pools(root, pages.as_deref().unwrap_or_default());
        let names: Vec<_> = pools.iter().map(|(name, _)| *name).collect();
        let limits = limit::limits(root);
        let limit_names: Vec<_> = limits.iter().map(|(name, ..)| *name).collect();
        let all = pages.as_deref().unwrap_or_default();
        let known = Known {
            pools: &names,
            pages: pools.iter().map(|(_, pool)| Some([&*pool.as_ref()?.error_pages, all])).collect(),
            limits: &limit_names,
            listeners: listeners.as_deref().unwrap_or_default(),
        };
        let routes = routes(root, &known);
        if let Some(routes) = &routes {
            warn_of_http1(root, routes, &pools);
            warn_of_shared_cookies(root, routes, &pools);
            limit::warn_if_unused(&limits, |limit| routes.iter().any(|route| route.limits.contains(&limit)));
        }
        Some(Config {
            workers,
            watch,
            policy_dir: policy_dir?,
            state_dir: state_dir?,
            drain_delay,
            drain_timeout,
            dns: dns?,
            access_log: access_log?,
            admin: admin?,
            metrics: metrics.clone()?,
            tracing: tracing?,
            listeners: listeners?,
            routes: routes?,
            error_pages: pages?,
            warnings: Vec::new(),
            pools: pools
                .into_iter()
                .map(|(_, pool)| counted(pool?, metrics.as_ref()))
                .collect::<Option<_>>()?,
            limits: limits.into_iter().map(|(.., limit)| limit).collect::<Option<_>>()?,
        })
    })
}

/// A pool whose times are counted as `[metrics]` says.
fn counted(mut pool: PoolConfig, metrics: Option<&MetricsConfig>) -> Option<PoolConfig> {
    pool.limits.latency_bounds = metrics?.latency_bounds.clone();
    Some(pool)
}

/// The CPUs that this process may use, which respects a container's limits.
fn cpus() -> usize {
    available_parallelism().map_or(1, usize::from).min(MAX_WORKERS)
}

fn directory(value: &Value<'_>) -> Option<PathBuf> {
    let path = value.path()?;
    if path.is_dir() {
        return Some(path);
    }
    let (fault, remedy) = if path.exists() {
        ("is not a folder", "name")
    } else {
        ("does not exist", "create the folder, or name")
    };
    let hint = format!("{remedy} another, or leave `policy_dir` out to use the bundled policies only");
    value.fail(format!("`{}` {fault}", path.display()), hint);
    None
}

fn listeners<'a>(
    root: &mut Section<'a>,
    addresses: &mut Unique<'a, Address>,
    state_dir: Option<&Path>,
) -> Option<Vec<ListenerConfig>> {
    const ADD: &str = "add a section `[[listener]]` with `address = \"0.0.0.0:8080\"`";
    let Some(value) = root.get("listener") else {
        root.fail("listener", "there is no listener", ADD);
        return None;
    };
    let items = value.items(LISTENER)?;
    if items.is_empty() {
        value.fail("there is no listener", ADD);
    }
    let is_clear = |item: &Value<'_>| item.raw().as_table().is_some_and(|keys| !keys.contains_key("tls"));
    let around = Around { state_dir, has_clear_listener: items.iter().any(is_clear) };
    let mut names = Unique::new();
    let listeners: Vec<_> = items.iter().map(|item| listener(item, addresses, &mut names, around)).collect();
    let listeners: Vec<ListenerConfig> = listeners.into_iter().collect::<Option<_>>()?;
    accounts_agree(&items, &listeners).then_some(listeners)
}

/// Whether an account means the same at all listeners that order certificates by it.
fn accounts_agree(items: &[Value<'_>], listeners: &[ListenerConfig]) -> bool {
    let acme = |listener: &'_ ListenerConfig| listener.tls.as_ref().and_then(|tls| tls.acme.clone());
    let all: Vec<_> =
        items.iter().zip(listeners).filter_map(|(item, listener)| Some((item, acme(listener)?))).collect();
    let conflict = all.iter().enumerate().find_map(|(index, (item, one))| {
        all[..index].iter().find_map(|(first, other)| Some((item, first, one.conflict(other)?)))
    });
    if let Some((item, first, key)) = conflict {
        let message =
            format!("`tls.acme.{key}` isn't that of {}, and both name the same account", first.place());
        item.fail(message, "write the same, or another `directory` or `storage`");
    }
    conflict.is_none()
}

fn listener<'a>(
    value: &Value<'a>,
    addresses: &mut Unique<'a, Address>,
    names: &mut Unique<'a, &'a str>,
    around: Around<'_>,
) -> Option<ListenerConfig> {
    Section::read(value, LISTENER, |section| {
        let name = section.get("name").map_or(Some(None), |value| {
            let name = value.name()?;
            names.add(name, &value, "give each listener its own name").then(|| Some(name.to_owned()))
        });
        let typed = section.required("address", "address = \"0.0.0.0:8080\"");
        let mode_typed = section.get("mode");
        let trusted = section.get("trusted_proxies");
        let limits = limits(section);
        let tls = section.get("tls").map_or(Some(None), |value| tls(&value, limits.http2, around).map(Some));
        if limits.redirects && section.get("tls").is_some() {
            let hint = "leave it out, or write it in the `[[listener]]` for clients without TLS";
            section.fail("redirect", "leads back to this listener, which speaks HTTPS", hint);
        }
        let proxy_protocol =
            section.get("proxy_protocol").map_or(Some(None), |value| proxy_protocol(&value).map(Some));
        let trusted_proxies =
            trusted.map_or_else(|| Some(Vec::new()), |value| networks(&value, TRUSTED_PROXIES));
        let typed = typed?;
        let address = match socket(&typed) {
            Some(address) => address,
            None => local(&typed).map(Address::Tcp),
        };
        let mode = mode(mode_typed.as_ref(), address.as_ref());
        let address = address?;
        add_address(addresses, &address, &typed);
        let (trusted_proxies, line) = (trusted_proxies?, typed.line());
        let (tls, proxy_protocol) = (tls?, proxy_protocol?);
        Some(ListenerConfig {
            name: name?,
            address,
            mode: mode?,
            trusted_proxies,
            limits,
            tls,
            proxy_protocol,
            line,
        })
    })
}

fn limits(section: &mut Section<'_>) -> DownstreamLimits {
    let default = DownstreamLimits::default();
    let max_header_bytes = section.bytes("max_header_bytes", default.max_header_bytes, HEAD_BYTES);
    // Smaller heads alone don't need a second key, but two that are written have to fit.
    let max_uri_bytes = default.max_uri_bytes.min(max_header_bytes);
    let max_uri_bytes = section.bytes("max_uri_bytes", max_uri_bytes, URI_BYTES);
    if max_uri_bytes > max_header_bytes {
        let head = SIZE.show(max_header_bytes as u64);
        let message = format!("is more than a whole request head may be: `max_header_bytes` is {head}");
        section.fail(
            "max_uri_bytes",
            message,
            format!("write at most `\"{head}\"`, or raise `max_header_bytes`"),
        );
    }
    let mut limits = DownstreamLimits {
        header_timeout: section.duration("header_timeout", default.header_timeout, TIMEOUT),
        body_timeout: section.duration("body_timeout", default.body_timeout, TIMEOUT),
        min_body_rate: section.size("min_body_rate", default.min_body_rate, 0..=1 << 30),
        keepalive_timeout: section.duration("keepalive_timeout", default.keepalive_timeout, TIMEOUT),
        keepalive_requests: section.integer(
            "keepalive_requests",
            default.keepalive_requests,
            1..=1_000_000_000,
        ),
        max_connection_age: section.duration("max_connection_age", default.max_connection_age, TIMEOUT),
        send_timeout: section.duration("send_timeout", default.send_timeout, TIMEOUT),
        min_send_rate: section.size("min_send_rate", default.min_send_rate, 0..=1 << 30),
        tunnel_timeout: section.duration("tunnel_timeout", default.tunnel_timeout, TIMEOUT),
        tunnel_close_timeout: section.duration("tunnel_close_timeout", default.tunnel_close_timeout, TIMEOUT),
        max_header_bytes,
        max_headers: section.integer("max_headers", default.max_headers, 1..=100),
        max_uri_bytes,
        max_connections: section.integer("max_connections", default.max_connections, 1..=1_000_000),
        max_hops: section.integer("max_hops", default.max_hops, 1..=100),
        path_normalization: path_normalization(section).unwrap_or_default(),
        request_id: request_id(section).unwrap_or(default.request_id),
        redirects: choice(section, "redirect", false, &[("https", true)]).unwrap_or_default(),
        max_body: section.size("max_body", default.max_body, BODY),
        http2: default.http2,
        http2_limits: default.http2_limits,
        early_hints: early_hints(section).unwrap_or(default.early_hints),
    };
    (limits.http2, limits.http2_limits) = http2(section);
    limits
}

fn early_hints(section: &mut Section<'_>) -> Option<EarlyHintsUse> {
    let choices = [("http2", EarlyHintsUse::Http2), ("all", EarlyHintsUse::All), ("off", EarlyHintsUse::Off)];
    choice(section, "early_hints", EarlyHintsUse::Http2, &choices)
}

fn request_id(section: &mut Section<'_>) -> Option<RequestIdUse> {
    let choices =
        [("pass", RequestIdUse::Pass), ("replace", RequestIdUse::Replace), ("off", RequestIdUse::Off)];
    choice(section, "request_id", RequestIdUse::Pass, &choices)
}

fn path_normalization(section: &mut Section<'_>) -> Option<PathNormalization> {
    let choices = [
        ("off", PathNormalization::Off),
        ("match", PathNormalization::Match),
        ("rewrite", PathNormalization::Rewrite),
        ("refuse", PathNormalization::Refuse),
    ];
    choice(section, "path_normalization", PathNormalization::default(), &choices)
}
