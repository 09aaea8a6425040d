// A row of a pool's table: one backend.

import { drain, weigh } from "./actions.mjs";
import { stateOf } from "./attention.mjs";
import { element, setAttribute, setText, sign } from "./dom.mjs";
import { grouped, number, percent, time } from "./format.mjs";
import { Sparkline } from "./sparkline.mjs";

/** The columns: their title, how they are sorted (the greatest first unless it is a name), and their class. */
export const COLUMNS = [
  { title: "Backend", key: "name", sort: (backend) => backend.name, kind: "name" },
  { title: "State", key: "state", sort: (backend) => stateOf(backend).word, kind: "state" },
  { title: "In flight", key: "in-flight", sort: (backend) => backend.in_flight, kind: "number" },
  { title: "Req/s", key: "rate", sort: (backend) => backend.rate, kind: "number" },
  { title: "Trend", key: "trend", kind: "trend" },
  { title: "Share / expected", short: "Share / exp.", key: "share", sort: (backend) => backend.share, kind: "number" },
  { title: "Failed", key: "failed", sort: (backend) => backend.failureShare, kind: "number" },
  { title: "p50, about", key: "p50", sort: (backend) => backend.p50, kind: "number" },
  { title: "p99, about", key: "p99", sort: (backend) => backend.p99, kind: "number" },
  { title: "Weight", key: "weight", sort: (backend) => backend.weight, kind: "number" },
  { title: "Actions", key: "actions", kind: "actions" },
];

/** A bar behind a number: how much of a whole it is, and where a mark stands. */
class Bar {
  constructor() {
    this.fill = element("span", { class: "fill" });
    this.mark = element("span", { class: "tick", hidden: true });
    this.root = element("span", { class: "meter", "aria-hidden": "true" }, this.fill, this.mark);
  }

  show(part, mark = null) {
    this.fill.style.width = `${Math.min(part ?? 0, 1) * 100}%`;
    this.mark.hidden = mark === null;
    if (mark !== null) this.mark.style.left = `${Math.min(mark, 1) * 100}%`;
  }
}

/** The row of one backend. It stays the same element as long as the backend is there. */
export class BackendRow {
  constructor() {
    this.text = Object.fromEntries(COLUMNS.map((column) => [column.key, element("span", { class: "value" })]));
    this.address = element("span", { class: "address" });
    this.why = element("span", { class: "trouble" });
    this.sign = element("span", { class: "sign-place" });
    this.trend = new Sparkline();
    this.load = new Bar();
    this.part = new Bar();
    this.drain = element("button", { type: "button", on: { click: () => drain(this.backend) } });
    this.weigh = element("button", { type: "button", on: { click: () => weigh(this.backend) } }, "Weight");
    const extra = {
      name: [this.address], state: [this.why], "in-flight": [this.load.root], trend: [this.trend.root], share: [this.part.root],
      actions: [this.drain, this.weigh],
    };
    this.row = element("tr", {}, ...COLUMNS.map((column) => {
      const tag = column.key === "name" ? "th" : "td";
      const before = column.key === "state" ? [this.sign] : [];
      const own = ["trend", "actions"].includes(column.key) ? [] : [this.text[column.key]];
      return element(tag, { class: `${column.kind} ${column.key}`, scope: tag === "th" ? "row" : null, "data-title": column.short ?? column.title },
        ...before, ...own, ...(extra[column.key] ?? []));
    }));
  }

  /** @param {object} backend @param {object} pool @param {number} place its row in the whole table, from 1 */
  show(backend, pool, place) {
    this.backend = backend;
    setAttribute(this.row, "aria-rowindex", place + 1);
    setText(this.text.name, backend.name);
    setText(this.address, [backend.address, backend.zone].filter(Boolean).join(" · "));
    setAttribute(this.row.firstChild, "title", `${backend.name} ${backend.address}`);
    this.showState(backend);
    const limit = pool.capacity === null ? 0 : backend.limit;
    setText(this.text["in-flight"], limit > 0 ? `${grouped(backend.in_flight)} / ${grouped(limit)}` : grouped(backend.in_flight));
    this.load.show(limit > 0 ? backend.in_flight / limit : 0);
    setText(this.text.rate, number(backend.rate));
    this.trend.show(backend.trend ?? []);
    setText(this.text.share, `${percent(backend.share)} / ${percent(backend.expected_share)}`);
    // The mark of what is expected stands in the middle, so that a thousandth can be compared as well as a half.
    const expected = backend.expected_share;
    this.part.show(expected > 0 ? (backend.share ?? 0) / (2 * expected) : backend.share, expected > 0 ? 0.5 : null);
    setText(this.text.failed, backend.failureRate > 0 ? `${percent(backend.failureShare)}` : number(backend.failureRate));
    setText(this.text.p50, time(backend.p50));
    setText(this.text.p99, time(backend.p99));
    const starting = backend.weight < backend.full_weight;
    setText(this.text.weight, starting ? `${number(backend.weight)} / ${number(backend.full_weight)}` : number(backend.weight));
    setText(this.drain, backend.draining ? "Undrain" : "Drain");
    setAttribute(this.drain, "aria-label", `${backend.draining ? "Undrain" : "Drain"} ${backend.name}`);
    setAttribute(this.weigh, "aria-label", `Weight of ${backend.name}`);
  }

  showState(backend) {
    const state = stateOf(backend);
    const trouble = state.level === null ? backend.trouble : null;
    const level = trouble === null ? (state.level ?? "well") : "warning";
    if (this.level !== level) this.sign.replaceChildren(sign(level));
    this.level = level;
    const word = trouble?.kind ?? state.word;
    setText(this.text.state, backend.backup ? `${word} (backup)` : word);
    setAttribute(this.row, "data-level", level);
    setAttribute(this.text.state, "title", trouble?.text ?? state.why);
    setText(this.why, backend.overrides === null ? "" : "changed by hand");
  }
}
