// What the page knows of the proxy's past: the last readings of its counters, and what follows from their differences. Pure.

import { difference, quantile, total } from "./quantiles.mjs";

/** Over how long the rates in tables are taken, ms. */
const WINDOW = 10_000;
/** How many points a chart has: five minutes at one a second. */
const POINTS = 300;
/** How many points a sparkline has. */
const TREND = 60;

/** The key of a backend or policy among all: names may hold any character but a line's end. */
export const keyOf = (...names) => names.map((name) => name ?? "").join("\n");

const sum = (numbers) => Object.values(numbers ?? {}).reduce((all, one) => all + one, 0);

/** The readings of the last seconds, and the series of the last minutes. */
export class Readings {
  constructor() {
    this.recent = [];
    this.series = new Map();
    this.trends = new Map();
    this.marks = [];
    this.lost = false;
  }

  /** Nothing is known of a while: charts show a gap, and rates begin anew. */
  interrupt() {
    this.recent = [];
    this.lost = true;
  }

  /**
   * Takes in a reading and says what follows from it.
   * @param {object} overview what the API answers @param {number} now ms since 1970 by the browser's clock
   */
  add(overview, now) {
    const previous = this.recent.at(-1);
    const restarted = previous !== undefined && overview.uptime_ms < previous.overview.uptime_ms;
    if (restarted) {
      this.interrupt();
      this.mark(now, "restart", null);
    } else if (previous !== undefined) {
      this.markSwaps(previous.overview, overview, now);
    }
    if (this.lost) {
      this.gap(now);
      this.lost = false;
    }
    this.recent.push({ overview, indexed: index(overview) });
    while (this.recent.length > 2 && overview.uptime_ms - this.recent[1].overview.uptime_ms >= WINDOW) this.recent.shift();
    const latest = this.recent.at(-1);
    const smooth = derive(latest, this.recent.length > 1 ? this.recent[0] : undefined);
    this.extend(derive(latest, this.recent.at(-2)), now);
    for (const pool of smooth.pools) {
      for (const backend of pool.backends) backend.trend = this.trends.get(keyOf(pool.name, backend.name)) ?? [];
    }
    return { ...smooth, restarted };
  }

  /** The series of one pool, or of all for null. */
  of(pool) {
    return this.series.get(pool) ?? emptySeries();
  }

  mark(time, text, pool) {
    this.marks.push({ time: time / 1000, text, pool });
    this.marks = this.marks.slice(-100);
  }

  markSwaps(before, after, now) {
    const known = new Map(before.policies.map((policy) => [keyOf(policy.pool, policy.route), policy]));
    for (const policy of after.policies) {
      const old = known.get(keyOf(policy.pool, policy.route));
      if (old !== undefined && old.publication !== policy.publication) {
        this.mark(now, `${policy.pool}: ${policy.name}@${policy.version.slice(0, 6)}`, policy.pool);
      }
    }
  }

  gap(now) {
    for (const series of this.series.values()) append(series, now / 1000 - 0.001, null);
  }

  extend(instant, now) {
    const present = new Set([null, ...instant.pools.map((pool) => pool.name)]);
    for (const name of this.series.keys()) if (!present.has(name)) this.series.delete(name);
    if (!instant.rated) return;
    for (const scope of [instant.all, ...instant.pools]) {
      const name = scope.name ?? null;
      if (!this.series.has(name)) this.series.set(name, emptySeries());
      append(this.series.get(name), now / 1000, scope);
    }
    const trends = new Map();
    for (const pool of instant.pools) {
      for (const backend of pool.backends) {
        const key = keyOf(pool.name, backend.name);
        const trend = this.trends.get(key) ?? [];
        trend.push(backend.rate);
        if (trend.length > TREND) trend.shift();
        trends.set(key, trend);
      }
    }
    this.trends = trends;
  }
}

/** The columns of a series, each as long as `time`. */
export const COLUMNS = ["rate", "errors", "p50", "p99", "inFlight", "saturation"];

function emptySeries() {
  return Object.fromEntries(["time", ...COLUMNS].map((column) => [column, []]));
}

function append(series, time, values) {
  series.time.push(time);
  for (const column of COLUMNS) series[column].push(values?.[column] ?? null);
  if (series.time.length > POINTS) for (const column of Object.values(series)) column.shift();
}

/** A reading's parts by their keys. */
function index(overview) {
  const pools = new Map(overview.pools.map((pool) => [pool.name, pool]));
  const backends = new Map(overview.pools.flatMap((pool) => pool.backends.map((backend) => [keyOf(pool.name, backend.name), backend])));
  const policies = new Map(overview.policies.map((policy) => [keyOf(policy.pool, policy.route), policy]));
  const workers = new Map(overview.workers.map((worker) => [worker.worker, worker]));
  return { pools, backends, policies, workers };
}

/** What follows from a reading and an earlier one. Without an earlier one there are no rates: they are null. */
function derive(latest, earlier) {
  const { overview } = latest;
  const elapsed = earlier === undefined ? 0 : (overview.uptime_ms - earlier.overview.uptime_ms) / 1000;
  const rated = elapsed > 0;
  const before = rated ? earlier.indexed : undefined;
  /** A counter's rate; one that has fallen belongs to something new of the same name. */
  const rate = (now, then) => (rated && now >= (then ?? 0) ? (now - (then ?? 0)) / elapsed : rated ? 0 : null);
  const pools = overview.pools.map((pool) => poolRates(pool, before, rate));
  const policies = overview.policies.map((policy) => policyRates(policy, before, rate));
  const workers = overview.workers.map((worker) => workerRates(worker, before, rate));
  return { ...overview, rated, pools, policies, workers, all: altogether(overview, pools, before) };
}

function altogether(overview, pools, before) {
  const add = (value) => pools.reduce((all, pool) => (pool[value] === null ? all : (all ?? 0) + pool[value]), null);
  const times = pools.map((pool) => pool.requestTimes);
  const bounds = pools[0]?.latency_buckets ?? [];
  const counts = before === undefined ? [] : total(times);
  const [rate, errors] = [add("rate"), add("errors")];
  return {
    rate, errors, errorShare: share(errors, rate), inFlight: add("inFlight"), saturation: overview.saturation,
    p50: quantile(bounds, counts, 0.5), p99: quantile(bounds, counts, 0.99),
  };
}

const share = (part, whole) => (part === null || whole === null ? null : whole > 0 ? Math.min(part / whole, 1) : 0);

function poolRates(pool, before, rate) {
  const old = before?.pools.get(pool.name);
  const requestTimes = before === undefined ? [] : difference(pool.request_seconds.counts, old?.request_seconds.counts);
  const requests = rate(pool.requests, old?.requests);
  const errors = rate(pool.responses["5xx"] ?? 0, old?.responses["5xx"]);
  const backends = pool.backends.map((backend) => backendRates(pool, backend, before, rate));
  const attempts = backends.reduce((all, backend) => all + (backend.rate ?? 0), 0);
  for (const backend of backends) backend.share = backend.rate === null || attempts === 0 ? null : backend.rate / attempts;
  const labels = Object.keys(pool.errors).map((label) => [label, rate(pool.errors[label], old?.errors[label])]);
  return {
    ...pool, backends, requestTimes, rate: requests, errors, errorShare: share(errors, requests), inFlight: pool.in_flight,
    retryRate: rate(pool.retries, old?.retries), errorRates: labels.filter(([, value]) => value > 0),
    p50: quantile(pool.latency_buckets, requestTimes, 0.5), p99: quantile(pool.latency_buckets, requestTimes, 0.99),
  };
}

function backendRates(pool, backend, before, rate) {
  const old = before?.backends.get(keyOf(pool.name, backend.name));
  const times = before === undefined ? [] : difference(backend.head_seconds.counts, old?.head_seconds.counts);
  const [requests, failures] = [rate(backend.requests, old?.requests), rate(backend.failures, old?.failures)];
  return {
    ...backend, pool: pool.name, rate: requests, failureRate: failures, failureShare: share(failures, requests),
    p50: quantile(pool.latency_buckets, times, 0.5), p99: quantile(pool.latency_buckets, times, 0.99),
  };
}

function policyRates(policy, before, rate) {
  const old = before?.policies.get(keyOf(policy.pool, policy.route));
  const chosen = Object.entries(policy.picks).map(([by, picks]) => [by, rate(picks, old?.picks[by])]);
  const pickTimes = before === undefined ? [] : difference(policy.pick_seconds.counts, old?.pick_seconds.counts);
  return {
    ...policy, chosen, rate: chosen.reduce((all, [, picks]) => (picks === null ? all : (all ?? 0) + picks), null),
    faultCount: sum(policy.faults), faultRate: rate(sum(policy.faults), old && sum(old.faults)),
    p50: quantile(policy.pick_buckets, pickTimes, 0.5), p99: quantile(policy.pick_buckets, pickTimes, 0.99),
  };
}

function workerRates(worker, before, rate) {
  const old = before?.workers.get(worker.worker);
  const rates = Object.entries(worker).filter(([, value]) => typeof value === "number");
  // What there is no account of has no rate either.
  return { ...worker, rates: Object.fromEntries(rates.map(([name, value]) => [name, rate(value, old?.[name])])) };
}
