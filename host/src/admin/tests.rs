//! The API against a state that is made by hand: what it answers, and that its document says the same.

mod changing;
mod guarding;
mod reading;
mod scraping;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use pointsman_core::backend::{Backend, ConfigurationGeneration};
use pointsman_core::clock::Clock;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_policy::{Opened, Plugin, PolicyLoader, PolicySettings};
use serde_json::Value;
use tokio::sync::watch;

use super::{AdminState, Guard, router};
use crate::config::AdminConfig;
use crate::control::change::ChangeQueue;
use crate::control::status::{ConfigurationStatus, PolicyStatus, PoolStatus, StatusView};
use crate::log::LogControls;
use crate::metrics::Scrapes;
use crate::worker::Phase;

/// A name with everything that means something in a path, and how it is written in one.
const ODD: &str = "a/b\"c\\d%e ü.?#";
const ODD_IN_PATH: &str = "a%2Fb%22c%5Cd%25e%20%C3%BC.%3F%23";

/// The API of a proxy with two pools: `web` and one that is called [`ODD`], as its second backend is.
struct Api {
    router: TowerToHyperService<Router>,
    /// Keeps the policies alive.
    _loader: PolicyLoader,
    configuration: watch::Sender<ConfigurationStatus>,
    _phase: watch::Sender<Phase>,
}

/// An answer.
struct Answered {
    status: StatusCode,
    kind: String,
    allow: Option<String>,
    body: Value,
}

impl Api {
    fn new() -> Self {
        Self::guarded(&Self::open_to_all())
    }

    /// Whoever may open the socket may do everything.
    fn open_to_all() -> AdminConfig {
        AdminConfig {
            address: "unix:/admin.sock".parse().unwrap(),
            token_file: None,
            line: 1,
            hosts: Vec::new(),
            explain_from: Vec::new(),
        }
    }

    fn guarded(config: &AdminConfig) -> Self {
        Self::sized(config, 2)
    }

    /// With so many backends in each pool.
    fn sized(config: &AdminConfig, backends: usize) -> Self {
        let clock = Clock::start();
        let loader = PolicyLoader::start(clock, std::num::NonZeroUsize::MIN, 1).expect("a loader");
        let limits = Arc::new(UpstreamLimits::default());
        let pool = |name: &str| {
            let backend = |place: usize| {
                let name = if place == 1 { ODD.to_owned() } else { format!("b{}", place + 1) };
                Arc::new(Backend::new(name, ([127, 0, 0, 1], place as u16 + 1)))
            };
            let backends: Vec<_> = (0..backends).map(backend).collect();
            Arc::new(Pool::new(name, 0, &limits, backends))
        };
        let pools = ["web", ODD].map(pool);
        let policies = pools.iter().map(|pool| {
            let plugin = Plugin::bundled("round-robin").expect("a bundled policy");
            let opened = loader.open(Arc::clone(pool), PolicySettings::default(), Arc::default(), plugin);
            let Opened { slot, .. } = opened.expect("it serves");
            PolicyStatus { slot }
        });
        let status = ConfigurationStatus {
            generation: ConfigurationGeneration(3),
            workers: 2,
            policies: policies.collect(),
            pools: pools.map(|pool| PoolStatus { pool, limits: Arc::clone(&limits) }).into(),
            ..ConfigurationStatus::default()
        };
        let (configuration, seen) = watch::channel(status);
        // Nobody makes changes here: they are answered as if the process was ending.
        let changes = ChangeQueue::new(std::sync::mpsc::channel().0);
        let (phase, phase_seen) = watch::channel(Phase::Serving);
        let status = StatusView::new(seen, phase_seen);
        let workers = (0..2).map(|_| Arc::default()).collect();
        let scrapes = Scrapes::new(status.clone(), workers, Arc::default(), None, clock);
        let state = AdminState::new(status, changes, clock, LogControls::default(), scrapes, None);
        let router = TowerToHyperService::new(router(state, Guard::new(config).expect("a token")));
        Self { router, _loader: loader, configuration, _phase: phase }
    }

    async fn ask(&self, method: Method, path: &str) -> Answered {
        self.ask_with(method, path, &[("host", "localhost")]).await
    }

    async fn ask_with(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Answered {
        self.send(method, path, fields, "").await
    }

    async fn send(&self, method: Method, path: &str, fields: &[(&str, &str)], body: &str) -> Answered {
        let request = Request::builder().method(method).uri(path);
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let response = self.router.call(request).await.expect("infallible");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(
            response.headers()["content-security-policy"]
                .to_str()
                .is_ok_and(|policy| policy.contains("default-src 'none'"))
        );
        assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control-")));
        let text =
            |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, kind, allow) =
            (response.status(), text(header::CONTENT_TYPE).unwrap_or_default(), text(header::ALLOW));
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        Answered { status, kind, allow, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
    }

    async fn get(&self, path: &str) -> Answered {
        self.ask(Method::GET, path).await
    }
}

impl Answered {
    /// The body of a good answer.
    fn good<T: serde::de::DeserializeOwned>(self) -> T {
        assert_eq!((self.status, &*self.kind), (StatusCode::OK, "application/json"), "{}", self.body);
        serde_json::from_value(self.body).expect("the type of the model")
    }

    /// The status and label of a problem.
    fn problem(self) -> (u16, String) {
        assert_eq!(self.kind, "application/problem+json", "{} {}", self.status, self.body);
        let problem: super::model::Problem = serde_json::from_value(self.body).expect("a problem");
        assert_eq!(problem.status, self.status.as_u16());
        (problem.status, problem.error)
    }
}
