// What the page works out without a browser: `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { needsAttention, sentence, stateOf } from "../assets/attention.mjs";
import { counted, duration, list, number, percent, time } from "../assets/format.mjs";
import { pause, Poll } from "../assets/poll.mjs";
import { difference, quantile } from "../assets/quantiles.mjs";
import { Readings } from "../assets/readings.mjs";
import { points } from "../assets/sparkline.mjs";

const BOUNDS = [0.001, 0.01, 0.1];
const times = (...counts) => ({ counts, sum_seconds: 0 });

function backend(name, changes = {}) {
  return {
    name, address: "127.0.0.1:1", zone: "", backup: false, eligible: true, healthy: true, unchecked: false, ejected: false, draining: false, weight: 1, full_weight: 1,
    expected_share: 0.5, in_flight: 0, limit: 10, requests: 0, failures: 0, head_seconds: times(0, 0, 0, 0), trouble: null, overrides: null, ...changes,
  };
}

function pool(name, backends, changes = {}) {
  return {
    name, eligible: backends.filter((each) => each.eligible).length, ejected: 0, draining: 0, panicking: false, in_flight: 0, capacity: 20, saturation: 0,
    queue: { requests: 0, limit: 5, overflows: 0, timeouts: 0 }, requests: 0, responses: {}, errors: {}, retries: 0, latency_buckets: BOUNDS,
    request_seconds: times(0, 0, 0, 0), backends, ...changes,
  };
}

function policy(changes = {}) {
  return {
    pool: "web", route: null, name: "least-conn", version: "0123456789ab", publication: 1, picks: {}, pick_buckets: BOUNDS, pick_seconds: times(0, 0, 0, 0),
    faults: {}, open_circuits: 0, overrides: null, quarantine: null, left_out: null, versions: [], ...changes,
  };
}

function overview(uptime_ms, pools, changes = {}) {
  return { name: "vm", uptime_ms, configuration_refused: false, phase: "serving", saturation: null, pools, policies: [policy()], workers: [{ worker: 0 }], troubles: [], ...changes };
}

/** What the page knows after these overviews, a second apart. */
function after(...overviews) {
  const readings = new Readings();
  let view;
  overviews.forEach((each, second) => (view = readings.add(each, second * 1000)));
  return { view, readings };
}

test("quantiles lie within their bucket, in proportion", () => {
  assert.equal(quantile(BOUNDS, [0, 0, 0, 0], 0.5), null);
  assert.equal(quantile(BOUNDS, [10, 0, 0, 0], 0.5), 0.0005);
  assert.ok(Math.abs(quantile(BOUNDS, [50, 50, 0, 0], 0.75) - 0.0055) < 1e-12);
  assert.equal(quantile(BOUNDS, [0, 0, 0, 3], 0.99), 0.1, "above all bounds");
  assert.equal(quantile([], [], 0.5), null);
  assert.deepEqual(difference([5, 7], [2, 7]), [3, 0]);
});

test("rates are differences over the proxy's own time", () => {
  const at = (uptime, requests) => overview(uptime, [pool("web", [backend("b1", { requests }), backend("b2", { requests: requests / 2 })], { requests, responses: { "5xx": requests / 10 } })]);
  const { view } = after(at(1000, 100), at(3000, 300));
  assert.equal(view.pools[0].rate, 100);
  assert.equal(view.pools[0].errorShare, 0.1);
  assert.ok(Math.abs(view.pools[0].backends[0].share - 2 / 3) < 1e-12);
  assert.equal(after(at(1000, 100)).view.pools[0].rate, null, "one reading has no rate");
});

test("a restart is told, marked, and breaks the line", () => {
  const at = (uptime, requests) => overview(uptime, [pool("web", [backend("b1", { requests })], { requests })]);
  const { view, readings } = after(at(9000, 900), at(10_000, 1000), at(500, 3), at(1500, 13));
  assert.equal(view.restarted, false);
  assert.equal(view.pools[0].rate, 10);
  assert.deepEqual(readings.marks.map((mark) => mark.text), ["restart"]);
  assert.ok(readings.of(null).rate.includes(null));
});

test("a pool or backend of the same name that counts from 0 again has no negative rate", () => {
  const at = (uptime, requests) => overview(uptime, [pool("web", [backend("b1", { requests })], { requests })]);
  const { view } = after(at(1000, 50), at(2000, 5));
  assert.equal(view.pools[0].rate, 0);
});

test("a swap is a mark in the charts", () => {
  const at = (uptime, publication) => overview(uptime, [pool("web", [])], { policies: [policy({ publication })] });
  assert.deepEqual(after(at(1000, 1), at(2000, 2)).readings.marks, [{ time: 1, text: "web: least-conn@012345", pool: "web" }]);
});

test("a chart keeps five minutes, also of a proxy that goes on for hours", () => {
  const readings = new Readings();
  for (let second = 0; second < 1000; second += 1) readings.add(overview(second * 1000, [pool("web", [backend("b1")])]), second * 1000);
  const series = readings.of("web");
  assert.equal(series.time.length, 300);
  assert.equal(series.rate.length, 300);
  assert.ok(readings.recent.length <= 12);
});

test("the sentence is the worst of what the proxy says, or that all is well", () => {
  const say = (troubles, ...backends) => sentence(after(overview(1000, [pool("web", backends)], { troubles })).view);
  assert.equal(say([], backend("b1"), backend("b2")), "All well. 2 backends in 1 pool take requests.");
  const note = { level: "note", pool: "web", text: "Pool web: b1 is draining." };
  assert.equal(say([note], backend("b1", { draining: true, eligible: false }), backend("b2")), "All well. 1 backend in 1 pool takes requests.");
  assert.equal(say([{ level: "critical", pool: "web", text: "Pool web: no backend takes requests." }, note]), "Pool web: no backend takes requests.");
});

test("a backend in trouble needs attention, whatever its state", () => {
  assert.equal(needsAttention(backend("b1")), false);
  assert.equal(needsAttention(backend("b1", { trouble: { kind: "slow", text: "is slow" } })), true);
  assert.equal(needsAttention(backend("b1", { ejected: true })), true);
});

test("picks are timed since the earlier reading", () => {
  const at = (uptime, ...counts) => overview(uptime, [], { policies: [policy({ pick_seconds: times(...counts) })] });
  const { view } = after(at(1000, 500, 0, 0, 0), at(2000, 500, 10, 0, 0));
  assert.ok(Math.abs(view.policies[0].p50 - 0.0055) < 1e-12);
  assert.equal(after(at(1000, 500, 0, 0, 0)).view.policies[0].p50, null, "nothing is known yet");
});

test("states have words", () => {
  const word = (changes) => stateOf(backend("b", changes)).word;
  assert.equal(word({}), "healthy");
  assert.equal(word({ draining: true, healthy: false }), "draining");
  assert.equal(word({ ejected: true, healthy: false }), "ejected");
  assert.equal(word({ healthy: false, eligible: true }), "down");
  assert.equal(word({ healthy: false, unchecked: true, eligible: false }), "unchecked");
  assert.equal(word({ in_flight: 10 }), "full");
  assert.equal(word({ weight: 0.2 }), "starting");
});

test("numbers are short and nothing is lost", () => {
  assert.deepEqual([0, 0.04, 3.21, 12.34, 1234, 45_678, 2.5e6, null].map(number), ["0", "0.04", "3.2", "12.3", "1,234", "45.7 k", "2.50 M", "–"]);
  assert.deepEqual([0, 0.0004, 0.016, 0.5, 1, null].map(percent), ["0 %", "< 0.1 %", "1.6 %", "50 %", "100 %", "–"]);
  assert.deepEqual([0, 0.00025, 0.0123, 2.5, null].map(time), ["0", "250 µs", "12 ms", "2.5 s", "–"]);
  assert.deepEqual([400, 61_000, 90_061_000].map(duration), ["0 s", "1 min 1 s", "1 d 1 h"]);
  assert.deepEqual([["a"], ["a", "b"], ["a", "b", "c", "d"]].map((names) => list(names)), ["a", "a and b", "a, b, c and 1 more"]);
  assert.equal(counted(1, "backend"), "1 backend");
});

test("it asks later and later, one at a time, and not while stopped", async () => {
  assert.deepEqual([0, 1, 2, 3, 4, 9].map(pause), [1000, 2000, 4000, 8000, 15_000, 15_000]);
  const waits = [];
  let asked = 0;
  let broken = true;
  const parts = { ask: async () => { asked += 1; if (broken) throw new Error("no"); }, failed: () => {}, schedule: (run, ms) => waits.push(ms), cancel: () => {} };
  const poll = new Poll(parts);
  await poll.now();
  assert.equal(asked, 0, "it hasn't been started");
  poll.stopped = false;
  await poll.now();
  await Promise.all([poll.now(), poll.now(), poll.now()]);
  broken = false;
  await poll.now();
  assert.equal(asked, 3);
  assert.deepEqual(waits, [2000, 4000, 1000]);
});

test("a sparkline of nothing is flat", () => {
  assert.equal(points([0, null]), "94.4,20.0 96.0,20.0");
  assert.equal(points([1, 2]), "94.4,11.0 96.0,2.0");
});
