// What needs attention, in words, the worst first. Pure.

import { counted, duration, grouped, list, percent, time } from "./format.mjs";

/** How bad something is; the greater the worse. A note is nothing wrong. */
export const LEVELS = { note: 0, warning: 1, critical: 2 };

/** A backend's state: a word, how bad it is, and what it means. */
export function stateOf(backend) {
  if (backend.draining) return { word: "draining", level: "note", why: "finishes what runs and gets nothing new" };
  if (backend.ejected) return { word: "ejected", level: "warning", why: "gets no requests for a while, as its responses were bad" };
  if (backend.unchecked) return { word: "unchecked", level: "note", why: "gets no requests before its first health check has passed" };
  if (!backend.healthy) return { word: "down", level: "critical", why: "its health checks fail" };
  if (!backend.eligible) return { word: "not in use", level: "note", why: "gets no requests" };
  if (backend.in_flight >= backend.limit) return { word: "full", level: "warning", why: "has as many requests as it may" };
  if (backend.weight < backend.full_weight) return { word: "starting", level: "note", why: "gets less than its share for a while" };
  return { word: "healthy", level: null, why: "takes requests" };
}

/** From which share of failed requests on a backend is said to fail. */
const FAILING = 0.05;
/** A backend is slow whose p50 or p99 is this many times that of the others, and at least so many seconds more, if that many requests were measured. */
const SLOW = { times: 3, seconds: 0.005, requests: 20 };

/** What is wrong with a backend while it serves, beside its state; null if nothing is. */
export function troubleOf(backend, pool) {
  if (backend.silent_ms !== null) {
    return `has answered nothing for ${duration(backend.silent_ms)}; ${grouped(backend.in_flight)} in flight`;
  }
  if (backend.failureShare >= FAILING && backend.failureRate * 10 >= 1) {
    return `fails ${percent(backend.failureShare)} of its requests`;
  }
  if (backend.measured < SLOW.requests) return null;
  for (const [quantile, words] of [["p50", "half of its requests take"], ["p99", "99 % of its requests take"]]) {
    const [own, others] = [backend[quantile], usual(pool, backend, quantile)];
    if (own !== null && others !== null && own > others * SLOW.times && own > others + SLOW.seconds) {
      return `is slow: ${words} up to about ${time(own)}, those of the others ${time(others)}`;
    }
  }
  return null;
}

/** The median of the other backends' quantiles. In a large pool it is taken once: leaving one out of many changes next to nothing. */
function usual(pool, backend, quantile) {
  if (pool.backends.length > 20) {
    pool.usual ??= {};
    pool.usual[quantile] ??= median(pool.backends.map((each) => each[quantile]));
    return pool.usual[quantile];
  }
  return median(pool.backends.filter((other) => other !== backend).map((other) => other[quantile]));
}

function median(values) {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known.length === 0 ? null : known[Math.floor((known.length - 1) / 2)];
}

/** Whether a backend belongs into "only what needs attention". */
export function needsAttention(backend, pool) {
  return stateOf(backend).level !== null || troubleOf(backend, pool) !== null;
}

/** All that is to be said of the proxy, the worst first. */
export function problems(view) {
  const found = [...ofProxy(view), ...view.pools.flatMap(ofPool), ...view.policies.flatMap(ofPolicy)];
  return found.sort((a, b) => LEVELS[b.level] - LEVELS[a.level]);
}

/** One sentence that says how things are. */
export function sentence(view, found = problems(view)) {
  const wrong = found.filter((problem) => problem.level !== "note");
  if (wrong.length > 0) return wrong[0].text;
  const eligible = view.pools.reduce((all, pool) => all + pool.eligible, 0);
  const verb = eligible === 1 ? "takes" : "take";
  return `All well. ${counted(eligible, "backend")} in ${counted(view.pools.length, "pool")} ${verb} requests.`;
}

function ofProxy(view) {
  const found = [];
  if (view.phase !== "serving") {
    const text = view.phase === "draining" ? "The proxy drains: it accepts nothing new and ends." : "The proxy is about to drain.";
    found.push({ level: "warning", text });
  }
  if (view.configuration_refused) {
    found.push({ level: "warning", text: "The configuration file holds something that doesn't serve; the one before does." });
  }
  if (view.saturation >= 0.8) {
    found.push({ level: "warning", text: `The proxy is at ${percent(view.saturation)} of what it can do.` });
  }
  return found;
}

function ofPool(pool) {
  const found = [];
  const say = (level, text) => found.push({ level, text: `Pool ${pool.name}: ${text}`, pool: pool.name });
  if (pool.eligible === 0) say("critical", "no backend takes requests.");
  if (pool.panicking) say("critical", "so few backends are healthy that health is ignored.");
  if (pool.errorShare >= 0.01 && pool.errors * 10 >= 1) {
    say(pool.errorShare >= 0.05 ? "critical" : "warning", `${percent(pool.errorShare)} of the responses are server errors (5xx).`);
  }
  const named = (test) => pool.backends.filter(test).map((backend) => backend.name);
  const state = (word) => named((backend) => stateOf(backend).word === word);
  const tell = (names, level, word) => names.length > 0 && say(level, `${list(names)} ${names.length === 1 ? "is" : "are"} ${word}.`);
  tell(state("down"), "warning", "down");
  tell(state("ejected"), "warning", "ejected after failures");
  if (pool.refused > 0) say("warning", "requests are turned away, as the queue is full or takes too long.");
  tell(state("full"), "warning", "full");
  if (pool.eligible > 0 && pool.saturation >= 0.8) say("warning", `${percent(pool.saturation)} of what its backends may take is in flight.`);
  const troubled = pool.backends.map((backend) => [backend, stateOf(backend).level === null ? troubleOf(backend, pool) : null]);
  const inTrouble = troubled.filter(([, trouble]) => trouble !== null);
  inTrouble.slice(0, 3).forEach(([backend, trouble]) => say("warning", `${backend.name} ${trouble}.`));
  if (inTrouble.length > 3) say("warning", `${grouped(inTrouble.length - 3)} more of its backends fail, are silent or slow.`);
  if (pool.queue.requests > 0) say("note", `${counted(pool.queue.requests, "request")} wait for a backend with room.`);
  tell(state("unchecked"), "note", "not checked yet");
  tell(state("draining"), "note", "draining");
  return found;
}

/** How the policy of a pool or of one of its routes is called on the page. */
export function policyPlace(policy) {
  return policy.route === null ? `pool ${policy.pool}` : `route ${policy.route} to pool ${policy.pool}`;
}

function ofPolicy(policy) {
  const found = [];
  const say = (level, text) => found.push({ level, text: `Policy ${policy.name} of ${policyPlace(policy)}: ${text}`, policy: policy.pool });
  if (policy.open_circuits > 0) {
    say("warning", `${counted(policy.open_circuits, "worker")} don't ask it for a while, as it had too many faults.`);
  }
  const fallback = policy.chosen.filter(([by]) => by === "fallback").reduce((all, [, rate]) => all + (rate ?? 0), 0);
  if (fallback > 0 && policy.open_circuits === 0) {
    say("warning", `the fallback makes ${percent(fallback / policy.rate)} of the picks.`);
  }
  if (policy.faultRate > 0) say("warning", "it has faults.");
  if (policy.left_out !== null) {
    say("warning", `the plugin file ${policy.left_out.file} doesn't serve, what did before does: ${policy.left_out.reason}.`);
  }
  if (policy.quarantine !== null) say("note", `version ${policy.quarantine.version} isn't let in: ${policy.quarantine.reason}.`);
  return found;
}
