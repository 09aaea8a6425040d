// The pools: a heading with numbers, and a table of backends of which only the visible rows exist.

import { needsAttention } from "./attention.mjs";
import { BackendRow, COLUMNS } from "./backend_row.mjs";
import { arrange, element, Facts, setAttribute, setText } from "./dom.mjs";
import { counted, grouped, number, percent, time } from "./format.mjs";

/** Up to this many rows a table is shown whole; a longer one scrolls by itself. */
const WHOLE = 40;
/** Rows above and below what is visible. */
const AROUND = 8;

/** The order of a table: as configured until a heading is clicked. */
class Order {
  constructor() {
    this.column = null;
    this.rising = false;
  }

  turn(column) {
    const first = column.key === "name" || column.key === "state";
    if (this.column !== column) [this.column, this.rising] = [column, first];
    else if (this.rising === first) this.rising = !first;
    else this.column = null;
  }

  apply(backends) {
    if (this.column === null) return backends;
    const { sort } = this.column;
    const sense = this.rising ? 1 : -1;
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : (a ?? -1) - (b ?? -1));
    return [...backends].sort((a, b) => sense * compare(sort(a), sort(b)));
  }
}

/** One pool. */
class PoolPanel {
  constructor(name) {
    this.rows = new Map();
    this.order = new Order();
    this.facts = new Facts(element("dl", { class: "numbers small", "aria-label": `Numbers of pool ${name}` }));
    this.title = element("h3", {}, name);
    this.state = element("p", { class: "pool-state" });
    [this.above, this.below] = [spacer(), spacer()];
    this.body = element("tbody");
    this.headings = COLUMNS.map((column) => this.heading(column));
    this.table = element("table", { class: "backends" }, element("caption", { class: "hidden" }, `Backends of pool ${name}`),
      element("thead", {}, element("tr", { "aria-rowindex": 1 }, ...this.headings)), this.body);
    this.scroll = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Backends of pool ${name}`, on: { scroll: () => this.fill() } }, this.table);
    this.nothing = element("p", { class: "nothing", hidden: true });
    this.root = element("article", { class: "pool", "aria-label": `Pool ${name}` },
      element("div", { class: "pool-head" }, this.title, this.state, this.facts.list), this.scroll, this.nothing);
    this.shown = [];
  }

  heading(column) {
    if (!column.sort) return element("th", { scope: "col", class: `${column.kind} ${column.key}` }, column.title);
    const sorts = element("button", { type: "button", class: "sort", on: { click: () => { this.order.turn(column); this.held = null; this.show(this.pool, this.filter); } } }, column.title);
    return element("th", { scope: "col", class: `${column.kind} ${column.key}`, "aria-sort": "none" }, sorts);
  }

  /** Shows the pool with the backends that pass the filter. Answers how many do. */
  show(pool, filter) {
    [this.pool, this.filter] = [pool, filter];
    setText(this.state, poolState(pool));
    this.facts.show(poolNumbers(pool));
    COLUMNS.forEach((column, place) => column.sort && setAttribute(this.headings[place], "aria-sort",
      this.order.column === column ? (this.order.rising ? "ascending" : "descending") : "none"));
    this.shown = this.steady(pool.backends.filter((backend) => filter(backend, pool)));
    setAttribute(this.table, "aria-rowcount", this.shown.length + 1);
    this.scroll.classList.toggle("long", this.shown.length > WHOLE);
    this.scroll.hidden = this.shown.length === 0;
    this.nothing.hidden = this.shown.length > 0;
    setText(this.nothing, pool.backends.length === 0 ? "This pool has no backends at the moment." : "No backend here matches.");
    const present = new Set(pool.backends.map((backend) => backend.name));
    for (const name of this.rows.keys()) if (!present.has(name)) this.rows.delete(name);
    this.fill();
    return this.shown.length;
  }

  /** In order; but nothing moves away under a pointer or from under the focus. */
  steady(backends) {
    const used = this.body.matches(":hover") || this.body.contains(document.activeElement);
    if (!used || !this.held) {
      const ordered = this.order.apply(backends);
      this.held = new Map(ordered.map((backend, place) => [backend.name, place]));
      return ordered;
    }
    const place = (backend) => this.held.get(backend.name) ?? Infinity;
    return [...backends].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
  }

  /** Makes the rows that are visible. */
  fill() {
    const height = this.rowHeight ?? 44;
    const all = this.shown.length <= WHOLE;
    const first = all ? 0 : Math.max(0, Math.floor(this.scroll.scrollTop / height) - AROUND);
    const count = all ? this.shown.length : Math.ceil(this.scroll.clientHeight / height) + 2 * AROUND;
    const visible = this.shown.slice(first, first + count);
    const rows = visible.map((backend, place) => {
      if (!this.rows.has(backend.name)) this.rows.set(backend.name, new BackendRow());
      const row = this.rows.get(backend.name);
      row.show(backend, this.pool, first + place + 1);
      return row.row;
    });
    this.above.style.height = `${first * height}px`;
    this.below.style.height = `${Math.max(0, this.shown.length - first - visible.length) * height}px`;
    arrange(this.body, all ? rows : [this.above, ...rows, this.below]);
    if (rows.length > 0 && rows[0].offsetHeight > 0) this.rowHeight = rows[0].getBoundingClientRect().height;
  }
}

/** A row that stands for those that aren't there. */
const spacer = () => element("tr", { class: "spacer", "aria-hidden": "true" });

function poolState(pool) {
  const parts = [`${grouped(pool.eligible)} of ${counted(pool.backends.length, "backend")} take requests`];
  if (pool.draining > 0) parts.push(`${grouped(pool.draining)} draining`);
  if (pool.ejected > 0) parts.push(`${grouped(pool.ejected)} ejected`);
  if (pool.panicking) parts.push("health is ignored");
  return parts.join(", ");
}

/** @returns {[string, string, string?][]} */
function poolNumbers(pool) {
  const numbers = [
    ["requests/s", number(pool.rate)],
    ["server errors", percent(pool.errorShare), pool.errorShare >= 0.01 ? "bad" : undefined],
    ["p50, about", time(pool.p50)], ["p99, about", time(pool.p99)],
    ["in flight", grouped(pool.in_flight)],
    ["saturation", pool.saturation === null ? "no limit set" : `${percent(pool.saturation)} of ${grouped(pool.capacity)}`, pool.saturation >= 0.8 ? "warn" : undefined],
  ];
  if (pool.queue.limit > 0) numbers.push(["waiting", `${grouped(pool.queue.requests)} of ${grouped(pool.queue.limit)}`, pool.queue.requests > 0 ? "warn" : undefined]);
  if (pool.retryRate > 0) numbers.push(["retries/s", number(pool.retryRate)]);
  for (const [label, rate] of pool.errorRates.slice(0, 3)) numbers.push([`${label}/s`, number(rate), "bad"]);
  return numbers;
}

/** All pools, with search and filter. */
export class Pools {
  constructor(root, search, attention) {
    Object.assign(this, { root, search, attention, panels: new Map() });
    this.nothing = element("p", { class: "nothing" }, "Nothing needs attention.");
    for (const control of [search, attention]) control.addEventListener("input", () => this.view && this.show(this.view));
  }

  show(view) {
    this.view = view;
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const only = this.attention.checked;
    const text = (backend) => `${backend.name} ${backend.address} ${backend.zone} ${backend.pool}`.toLowerCase();
    const filter = (backend, pool) => (!only || needsAttention(backend)) && (words.length === 0 || words.every((word) => text(backend).includes(word)));
    const troubled = only ? new Set(view.troubles.map((trouble) => trouble.pool)) : null;
    const names = new Set(view.pools.map((pool) => pool.name));
    for (const name of this.panels.keys()) if (!names.has(name)) this.panels.delete(name);
    const shown = [];
    for (const pool of view.pools) {
      if (!this.panels.has(pool.name)) this.panels.set(pool.name, new PoolPanel(pool.name));
      const panel = this.panels.get(pool.name);
      const some = panel.show(pool, filter) > 0;
      if (some || (!only && words.length === 0) || troubled?.has(pool.name)) shown.push(panel.root);
    }
    setText(this.nothing, words.length > 0 ? "No backend matches." : "Nothing needs attention.");
    arrange(this.root, shown.length > 0 ? shown : [this.nothing]);
    for (const panel of this.panels.values()) if (panel.root.isConnected && !panel.rowHeight) panel.fill();
  }
}
