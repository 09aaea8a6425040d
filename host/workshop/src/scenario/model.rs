//! A scenario as its file has it.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::time_span::TimeSpan;

/// A scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows; none = the name of its file.
    #[serde(default)]
    pub name: Option<String>,
    /// Decides all that is random. `seed`, 1.
    #[serde(default = "one")]
    pub seed: u64,
    /// The policy's configuration, as in `[pool.NAME.policy.config]`.
    #[serde(default)]
    pub config: toml::Table,
    /// The backends. `[pool]`.
    pub pool: Spanned<PoolSetup>,
    /// What happens, in order. `[[step]]`.
    #[serde(default, rename = "step")]
    pub steps: Vec<Spanned<Step>>,
    /// The lines of the steps in the file.
    #[serde(skip)]
    pub lines: Vec<usize>,
    /// The plugin must be refused, with a reason that contains this. `refused`.
    #[serde(default)]
    pub refused: Option<String>,
}

/// The backends of a scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolSetup {
    /// Each with its name. Either these or `count`.
    #[serde(default)]
    pub backends: Vec<TestBackend>,
    /// So many that are equal, named `b1`, `b2` and so on, at most 10,000.
    #[serde(default)]
    pub count: Option<u32>,
    /// Health is ignored while less than this share of them is healthy, percent, 0 to 100. `panic_threshold`, that of the proxy, 10.
    #[serde(default)]
    pub panic_threshold: Option<u32>,
}

/// A backend.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a backend, such as `{ name = \"a\" }`")]
pub struct TestBackend {
    /// Its name.
    pub name: String,
    /// Its weight, 0.001 to 1,000. `weight`, 1.
    #[serde(default = "unit")]
    pub weight: f64,
    /// Where it stands.
    #[serde(default)]
    pub zone: String,
    /// What policies can tell it by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Serves only if no other backend is eligible.
    #[serde(default)]
    pub backup: bool,
}

/// One thing that happens, and what must come of it: of `request`, `change`, `advance` and `observe` one, and what is expected of a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A request, for which the policy picks.
    #[serde(default)]
    pub request: Option<Request>,
    /// A backend changes.
    #[serde(default)]
    pub change: Option<Change>,
    /// Time passes, with the policy's ticks.
    #[serde(default)]
    pub advance: Option<TimeSpan>,
    /// A response ends, and the policy observes it.
    #[serde(default)]
    pub observe: Option<Observe>,
    /// Each pick is this backend.
    #[serde(default)]
    pub expect: Option<String>,
    /// Each pick is one of these.
    #[serde(default)]
    pub any_of: Option<Vec<String>>,
    /// Each of these has this share of the picks, 0 to 1; `tolerance`, 0.02, says how far it may be off.
    #[serde(default)]
    pub share: Option<BTreeMap<String, f64>>,
    /// Each request is rejected with this status.
    #[serde(default)]
    pub reject: Option<u16>,
    /// Each pick is left to the fallback.
    #[serde(default)]
    pub abstain: Option<bool>,
    /// The policy fails in this step, and in every other it must not. `fault`, false.
    #[serde(default)]
    pub fault: bool,
}

/// A request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `method`, `"GET"`.
    #[serde(default = "get")]
    pub method: String,
    /// Path and query. `path`, `"/"`.
    #[serde(default = "root")]
    pub path: String,
    /// Its header fields.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The client's address. `client`, `"192.0.2.1"`.
    #[serde(default = "client")]
    pub client: String,
    /// The backends that it has tried already.
    #[serde(default)]
    pub tried: Vec<String>,
    /// How many times, 1 to 1,000,000. `repeat`, 1.
    #[serde(default = "one_time")]
    pub repeat: u32,
    /// Each time with another client address, counted up from `client`. `spread`, false.
    #[serde(default)]
    pub spread: bool,
    /// All of them go to one backend, whichever that is. `same`, false.
    #[serde(default)]
    pub same: bool,
}

/// Other values for a backend.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Which.
    pub backend: String,
    /// Whether it is fit to serve.
    #[serde(default)]
    pub healthy: Option<bool>,
    /// Whether it gets nothing new.
    #[serde(default)]
    pub draining: Option<bool>,
    /// Whether it is in the pool.
    #[serde(default)]
    pub member: Option<bool>,
    /// Its weight.
    #[serde(default)]
    pub weight: Option<f64>,
    /// Requests in flight to it.
    #[serde(default)]
    pub in_flight: Option<u64>,
}

/// The end of a response.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    /// The backend; a request must have been picked for it before.
    pub backend: String,
    /// The status, 100 to 599; 0 = there was no response. `status`, 200.
    #[serde(default = "ok")]
    pub status: u16,
    /// `"complete"`, `"client-abort"`, `"upstream-reset"`, `"timeout"` or `"connect-failure"`. `outcome`, `"complete"`.
    #[serde(default = "complete")]
    pub outcome: String,
    /// Time to the response's head. `head`, the `total`.
    #[serde(default)]
    pub head: Option<TimeSpan>,
    /// Time to its end. `total`, 0.
    #[serde(default)]
    pub total: TimeSpan,
}

fn one() -> u64 {
    1
}

fn one_time() -> u32 {
    1
}

fn unit() -> f64 {
    1.0
}

fn get() -> String {
    "GET".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

fn client() -> String {
    "192.0.2.1".to_owned()
}

fn ok() -> u16 {
    200
}

fn complete() -> String {
    "complete".to_owned()
}
