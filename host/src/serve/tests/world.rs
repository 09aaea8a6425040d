//! A worker's data path without sockets, threads or time of its own: clients and backends are in memory, the clock is moved by hand.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pointsman_core::backend::Backend;
use pointsman_core::clock::{Clock, ClockHands};
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_core::request_limit::RequestLimit;
use pointsman_core::route::{RoutePattern, Router};
use pointsman_policy::{Plugin, PolicyLoader, PolicySettings};
use tokio::runtime::{LocalOptions, LocalRuntime};

use crate::config::{
    Config, DownstreamLimits, HeaderPlan, HeaderRulesConfig, RequestIdUse, Respond, RespondContent,
    RouteConfig, RouteTarget,
};
use crate::deadline::Deadlines;
use crate::drain::Drain;
use crate::error_pages::ErrorPages;
use crate::http_challenge::HttpChallenges;
use crate::ids::IdGenerator;
use crate::insight::{Insight, SharedInsight};
use crate::listener::{ConnectionLimit, IdleClients, Listener};
use crate::proxy::{Current, FixedAnswer, HeaderRules, Proxy, Route, Target};
use crate::reports::ListenerReports;
use crate::stream::Stream;
use crate::testing::{MemoryNet, MemoryStream};
use crate::upstream::{Balancer, Connector, WorkerPool};

/// A policy that leaves the choice to the fallback: in turn among those with the fewest requests.
const ABSTAINS: &str = r#"(module (memory (export "memory") 1)
    (func (export "pointsman_init") (result i32) (i32.const 0))
    (func (export "pointsman_pick") (result i64) (i64.const 0x1_0000_0000)))"#;

/// Where all clients are.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 50_000);

/// Between two sweeps of the deadlines.
const SWEEP: Duration = Duration::from_millis(50);

/// Turns of the event loop after which whatever can happen without time has happened.
const TURNS: usize = 40;

/// What a test sets.
pub(super) struct Limits {
    pub(super) backends: u8,
    pub(super) downstream: DownstreamLimits,
    pub(super) upstream: UpstreamLimits,
    /// What requests have to keep to.
    pub(super) keys: Vec<Arc<RequestLimit>>,
    /// What requests are traced with.
    pub(super) insight: SharedInsight,
    /// Whether the clients are trusted proxies.
    pub(super) trusted: bool,
    /// What authorities are answered.
    pub(super) challenges: Option<Arc<HttpChallenges>>,
    /// The rules for the fields of requests and responses.
    pub(super) headers: Option<HeaderPlan>,
    /// The routes as they are configured, to the pool `web`; without any, everything goes there.
    pub(super) routes: &'static str,
    /// Pages for errors, after keys of the pool `web`; `intercept` of a route is in `routes`.
    pub(super) pages: &'static str,
}

impl Default for Limits {
    fn default() -> Self {
        let mut upstream = UpstreamLimits::default();
        // Backends of these tests fail on purpose.
        upstream.retry.budget_percent = 100;
        // Tests compare whole messages.
        let downstream = DownstreamLimits { request_id: RequestIdUse::Off, ..DownstreamLimits::default() };
        let insight = SharedInsight::default();
        Self {
            backends: 2,
            downstream,
            upstream,
            insight,
            keys: Vec::new(),
            trusted: false,
            challenges: None,
            headers: None,
            routes: "",
            pages: "",
        }
    }
}

/// One worker and its pool.
pub(super) struct World {
    pub(super) hands: ClockHands,
    pub(super) deadlines: Deadlines,
    pub(super) net: MemoryNet,
    pub(super) drain: Drain,
    pub(super) pool: Arc<Pool>,
    current: Rc<Current>,
    listener: Rc<Listener>,
    idle: Rc<IdleClients>,
    pub(super) reports: Rc<ListenerReports>,
}

/// Where the backends are.
pub(super) fn address(backend: u8) -> SocketAddr {
    ([10, 0, 0, backend], 80).into()
}

fn backend(number: u8) -> Arc<Backend> {
    Arc::new(Backend::new(format!("b{number}"), address(number)))
}

/// The routes and pages of these texts.
fn configured(routes: &str, pages: &str) -> Config {
    let text = format!(
        "{routes}\n[[listener]]\naddress = '127.0.0.1:0'\n[pool.web]\nbackends = ['127.0.0.1:9']\n{pages}"
    );
    Config::parse(&text, Path::new("test.toml")).expect("routes and pages")
}

fn route(config: RouteConfig, balancer: &Rc<Balancer>) -> (RoutePattern, Route) {
    let target = match config.target {
        RouteTarget::Pool { .. } | RouteTarget::Split(_) => Target::Balancer(Rc::clone(balancer)),
        RouteTarget::Redirect(redirect) => Target::Redirect(Box::new((*redirect).clone())),
        RouteTarget::Respond(respond) => Target::Respond(Rc::new(fixed(&respond))),
    };
    let plan = HeaderPlan::new(
        (config.name.as_deref(), &config.headers),
        ("", &HeaderRulesConfig::default()),
        false,
    );
    let rules = plan.map(|plan| [Some(Rc::new(HeaderRules::new(&plan)))].into());
    let rewrite = config.rewrite.map(|change| Box::new((*change).clone()));
    let (name, exchange) = (config.name.map(Arc::from), config.exchange);
    (config.pattern, Route { name, target, rewrite, rules, limits: [].into(), exchange, mirror: None })
}

/// The answer of a route, which comes from no file.
fn fixed(respond: &Respond) -> FixedAnswer {
    let content = match &respond.content {
        RespondContent::Reason(text) => return FixedAnswer::reason(respond.status, text),
        RespondContent::Text(text) => Some(text.as_bytes()),
        RespondContent::None | RespondContent::File(..) => None,
    };
    FixedAnswer::new(respond.status, respond.media_type.as_deref(), content)
}

impl Limits {
    /// The usual ones, with ids.
    pub(super) fn with_ids(request_id: RequestIdUse) -> Self {
        let mut limits = Self::default();
        limits.downstream.request_id = request_id;
        limits
    }

    /// The usual ones, with one backend.
    pub(super) fn one_backend() -> Self {
        Self { backends: 1, ..Self::default() }
    }
}

impl World {
    /// A worker whose only route leads to one pool. Needs a local event loop.
    pub(super) fn new(limits: Limits) -> Self {
        static LOADER: OnceLock<PolicyLoader> = OnceLock::new();
        let loader = LOADER.get_or_init(|| {
            let one = NonZeroUsize::MIN;
            PolicyLoader::start(Clock::start(), one, 1).expect("the engine starts")
        });
        let (clock, hands) = Clock::manual();
        let deadlines = Deadlines::new(clock);
        let (net, upstream) = (MemoryNet::default(), Arc::new(limits.upstream));
        let backends = (1..=limits.backends).map(backend).collect();
        let pool = Arc::new(Pool::new("web", 7, &upstream, backends));
        let content = wat::parse_str(ABSTAINS).expect("a module").into();
        let plugin = Plugin { origin: "test".into(), content };
        let opened = loader
            .open(Arc::clone(&pool), PolicySettings::default(), Arc::default(), plugin)
            .expect("the plugin is admitted");
        let picker = opened.pickers.into_iter().next().expect("one worker");
        let worker_pool = WorkerPool::new(Arc::clone(&pool), upstream, None, 1);
        let worker_pool = Rc::new(worker_pool.with_connector(Connector::Memory(net.clone())));
        worker_pool.follow(&pool.topology());
        worker_pool.yield_connections();
        let balancer = Rc::new(Balancer::new(Rc::clone(&worker_pool), Rc::new(RefCell::new(picker))));
        let rules = limits.headers.map(|plan| Rc::new(HeaderRules::new(&plan)));
        let config = configured(limits.routes, limits.pages);
        let error_pages = ErrorPages::new(&config, |_| b"").map(Rc::new);
        let routes = config.routes.into_iter().map(|config| route(config, &balancer));
        let routes = routes.map(|(pattern, route)| {
            let rules = rules.clone().map(|rules| [Some(rules)].into());
            (pattern, Route { rules: rules.or(route.rules), limits: limits.keys.clone().into(), ..route })
        });
        let (patterns, routes): (Vec<RoutePattern>, _) = routes.unzip();
        let router = Router::new(&patterns);
        let insight = Rc::new(Insight::new(IdGenerator::seeded(1), limits.insight));
        let proxy = Proxy::new(router, routes, vec![worker_pool], deadlines.clone(), insight);
        let connections = Arc::new(ConnectionLimit::new(1000));
        Self {
            hands,
            deadlines,
            net,
            drain: Drain::default(),
            pool,
            current: Rc::new(Current::new(Proxy { challenges: limits.challenges, error_pages, ..proxy })),
            idle: IdleClients::new(&connections),
            reports: Rc::default(),
            listener: Rc::new(Listener {
                address: ([127, 0, 0, 1], 8080).into(),
                configured: ([127, 0, 0, 1], 8080).into(),
                mode: 0o660,
                limits: Arc::new(limits.downstream),
                trusted_proxies: if limits.trusted { [PEER.ip().into()].into() } else { [].into() },
                tls: None,
                proxy_protocol: None,
                connections,
                counts: Arc::default(),
            }),
        }
    }

    /// Connects a client.
    pub(super) fn connect(&self) -> MemoryStream {
        let (ours, theirs) = MemoryStream::pair();
        tokio::task::spawn_local(super::super::connection(
            Rc::clone(&self.current),
            Rc::clone(&self.listener),
            self.drain.guard(),
            Rc::clone(&self.idle),
            Rc::clone(&self.reports),
            Stream::Memory(theirs),
            PEER,
        ));
        ours
    }

    /// Connections that keep no HTTP state.
    pub(super) fn parked(&self) -> usize {
        self.idle.len()
    }

    /// Requests at all backends.
    pub(super) fn in_flight(&self) -> u64 {
        self.pool.topology().stats().iter().map(|stats| stats.in_flight()).sum()
    }

    /// Lets everything happen that needs no time.
    pub(super) async fn settle(&self) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, span: Duration) {
        self.settle().await;
        let mut left = span;
        while !left.is_zero() {
            let step = left.min(SWEEP);
            self.hands.advance(step);
            tokio::time::advance(step).await;
            self.deadlines.sweep();
            self.settle().await;
            left -= step;
        }
    }
}

/// An event loop whose timers follow [`World::pass`].
pub(super) fn event_loop() -> LocalRuntime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build_local(LocalOptions::default())
        .expect("an event loop")
}

/// Runs a test on such an event loop.
pub(super) fn run(test: impl Future<Output = ()>) {
    event_loop().block_on(test);
}
