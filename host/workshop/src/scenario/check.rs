//! Whether a scenario can be run.

use std::collections::HashSet;
use std::net::IpAddr;

use http::{HeaderName, HeaderValue, Method, Uri};

use super::model::{Change, Observe, Request, Scenario, Step};
use super::outcome::code;
use crate::time_span::TimeSpan;
use crate::toml_file::Fault;

/// Longest time that passes in a step.
const LONGEST: TimeSpan = TimeSpan(24 * 3_600 * 1_000_000);

/// The first fault of a scenario.
pub(super) fn check(scenario: &Scenario) -> Result<(), Fault> {
    let (pool, span) = (scenario.pool.get_ref(), scenario.pool.span());
    let wrong =
        |key: &str, message: String| Err(Fault { span: Some(span.clone()), key: key.to_owned(), message });
    let names = scenario.names();
    if names.is_empty() || pool.count.is_some() != pool.backends.is_empty() {
        return wrong("pool", "a pool has either `backends = [{ name = \"a\" }]` or `count = 3`".to_owned());
    }
    if pool.panic_threshold.is_some_and(|percent| percent > 100) {
        return wrong("pool.panic_threshold", "0 to 100 percent".to_owned());
    }
    if names.iter().any(String::is_empty) {
        return wrong("pool.backends", "a name has at least one character".to_owned());
    }
    if scenario.name.as_deref() == Some("") {
        return Err(Fault {
            span: None,
            key: "name".to_owned(),
            message: "a name has at least one character".to_owned(),
        });
    }
    if names.len() > 10_000 {
        return wrong("pool", format!("{} backends; at most 10,000", names.len()));
    }
    let known: HashSet<&str> = names.iter().map(String::as_str).collect();
    if known.len() < names.len() {
        return wrong("pool.backends", "two backends have the same name".to_owned());
    }
    if pool.backends.iter().any(|backend| !(0.001..=1_000.0).contains(&backend.weight)) {
        return wrong("pool.backends", "a weight of 0.001 to 1,000".to_owned());
    }
    let is_refused = scenario.refused.is_some();
    if scenario.refused.as_deref().is_some_and(|reason| reason.trim().is_empty()) {
        let message = "any refusal would do: write a part of the reason".to_owned();
        return Err(Fault { span: None, key: "refused".to_owned(), message });
    }
    for entry in &scenario.steps {
        let fault =
            |(key, message): (&str, String)| Fault { span: Some(entry.span()), key: key.to_owned(), message };
        if is_refused {
            let message = "a plugin that is refused takes no step; leave out either `refused` or the steps";
            return Err(fault(("step", message.to_owned())));
        }
        step(entry.get_ref(), &known).map_err(fault)?;
    }
    let tries = |step: &Step| step.request.is_some() || step.observe.is_some() || step.fault;
    if !is_refused && !scenario.steps.iter().any(|entry| tries(entry.get_ref())) {
        let message = "nothing is tried; add `[[step]]` with `request = {}`, or `refused = \"REASON\"`";
        return Err(Fault { span: None, key: "step".to_owned(), message: message.to_owned() });
    }
    Ok(())
}

type Checked = Result<(), (&'static str, String)>;

fn step(step: &Step, known: &HashSet<&str>) -> Checked {
    let Step { request, change, advance, observe, expect, any_of, share, reject, abstain, fault: _ } = step;
    if *abstain == Some(false) {
        return Err((
            "abstain",
            "write what is expected instead: `expect`, `any_of`, `share` or `reject`".to_owned(),
        ));
    }
    let kinds = [request.is_some(), change.is_some(), advance.is_some(), observe.is_some()];
    if kinds.iter().filter(|kind| **kind).count() != 1 {
        return Err(("step", "a step is one of `request`, `change`, `advance` and `observe`".to_owned()));
    }
    if advance.is_some_and(|span| span > LONGEST) {
        return Err(("advance", "at most 24h, as all ticks of that time are run".to_owned()));
    }
    let expected = [expect.is_some(), any_of.is_some(), share.is_some(), reject.is_some(), abstain.is_some()];
    let expectations = expected.iter().filter(|is_said| **is_said).count();
    if request.is_none() && expectations > 0 {
        return Err(("step", "only of a request something can be expected, or `fault = true`".to_owned()));
    }
    if expectations > 1 {
        return Err(("step", "one of `expect`, `any_of`, `share`, `reject` and `abstain`".to_owned()));
    }
    let shares = share.iter().flatten().map(|(name, _)| name).filter(|name| *name != "tolerance");
    all_known("expect", expect, known)?;
    all_known("any_of", any_of.iter().flatten(), known)?;
    all_known("share", shares, known)?;
    if share.as_ref().is_some_and(|shares| shares.keys().all(|name| name == "tolerance")) {
        return Err(("share", "names no backend; write `share = { b1 = 0.5, b2 = 0.5 }`".to_owned()));
    }
    if any_of.as_ref().is_some_and(Vec::is_empty) {
        return Err((
            "any_of",
            "names no backend; `abstain = true` or `reject = 503` if none is right".to_owned(),
        ));
    }
    if share.iter().flatten().any(|(_, share)| !(0.0..=1.0).contains(share)) {
        return Err(("share", "a share is 0 to 1, and so is a `tolerance`".to_owned()));
    }
    if reject.is_some_and(|status| !(400..=599).contains(&status)) {
        return Err(("reject", "a policy rejects with a status of 400 to 599".to_owned()));
    }
    request.as_ref().map_or(Ok(()), |request| checked_request(request, known))?;
    change.as_ref().map_or(Ok(()), |change| checked_change(change, known))?;
    observe.as_ref().map_or(Ok(()), |observe| checked_observe(observe, known))
}

fn all_known<'a>(
    key: &'static str,
    names: impl IntoIterator<Item = &'a String>,
    known: &HashSet<&str>,
) -> Checked {
    match names.into_iter().find(|name| !known.contains(name.as_str())) {
        Some(name) => Err((key, format!("there is no backend {name:?} in the pool"))),
        None => Ok(()),
    }
}

fn checked_request(request: &Request, known: &HashSet<&str>) -> Checked {
    let Request { method, path, headers, client, tried, repeat, .. } = request;
    let wrong = |message: String| Err(("request", message));
    if Method::try_from(method.as_str()).is_err() {
        return wrong(format!("{method:?} is no method"));
    }
    if !path.starts_with('/') || Uri::try_from(path.as_str()).is_err() {
        return wrong(format!("{path:?} is no path; it begins with \"/\""));
    }
    for (name, value) in headers {
        if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
            return wrong(format!("{name:?} = {value:?} is no header field"));
        }
    }
    if client.parse::<IpAddr>().is_err() {
        return wrong(format!("{client:?} is no address, such as \"192.0.2.1\""));
    }
    if !(1..=1_000_000).contains(repeat) {
        return wrong("`repeat` is 1 to 1,000,000".to_owned());
    }
    all_known("request", tried, known)
}

fn checked_change(change: &Change, known: &HashSet<&str>) -> Checked {
    let Change { backend, healthy, draining, member, weight, in_flight } = change;
    if healthy.is_none() && draining.is_none() && member.is_none() && weight.is_none() && in_flight.is_none()
    {
        let all = "nothing changes; add `healthy`, `draining`, `member`, `weight` or `in_flight`";
        return Err(("change", all.to_owned()));
    }
    if weight.is_some_and(|weight| !(0.001..=1_000.0).contains(&weight)) {
        return Err(("change", "a weight of 0.001 to 1,000".to_owned()));
    }
    if in_flight.is_some_and(|count| count > 1_000_000) {
        return Err(("change", "at most 1,000,000 requests in flight".to_owned()));
    }
    all_known("change", [backend], known)
}

fn checked_observe(observe: &Observe, known: &HashSet<&str>) -> Checked {
    if code(&observe.outcome).is_none() {
        let message = format!(
            "{:?} is no outcome; there are \"complete\", \"client-abort\", \"upstream-reset\", \"timeout\" and \"connect-failure\"",
            observe.outcome
        );
        return Err(("observe", message));
    }
    if observe.status != 0 && !(100..=599).contains(&observe.status) {
        return Err(("observe", "a status of 100 to 599, or 0 for no response".to_owned()));
    }
    all_known("observe", [&observe.backend], known)
}

impl Scenario {
    /// The names of the backends, in order.
    pub(super) fn names(&self) -> Vec<String> {
        let pool = self.pool.get_ref();
        let counted = (1..=pool.count.unwrap_or(0)).map(|number| format!("b{number}"));
        pool.backends.iter().map(|backend| backend.name.clone()).chain(counted).collect()
    }
}
