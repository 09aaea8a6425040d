// The workers: threads with their own event loops.

import { arrange, element, setText } from "./dom.mjs";
import { grouped, number, percent, time } from "./format.mjs";

/** What is shown of a worker, if the proxy says it. */
const COLUMNS = [
  ["Worker", (worker) => String(worker.worker)],
  ["Connections", (worker) => (worker.connections === undefined ? null : grouped(worker.connections))],
  ["Req/s", (worker) => (worker.requests === undefined ? null : number(worker.rates.requests))],
  ["Busy", (worker) => (worker.saturation === undefined ? null : percent(worker.saturation))],
  ["Lag p99, about", (worker) => (worker.lag_p99_seconds === undefined ? null : time(worker.lag_p99_seconds))],
];

export class Workers {
  constructor(root) {
    this.head = element("tr");
    this.body = element("tbody");
    this.cells = new Map();
    root.append(element("table", { class: "workers" }, element("caption", { class: "hidden" }, "Workers"), element("thead", {}, this.head), this.body));
  }

  show(view) {
    const first = view.workers[0] ?? { rates: {} };
    const columns = COLUMNS.filter(([, value]) => value(first) !== null);
    const titles = columns.map(([title]) => title);
    if (titles.join() !== this.titles) {
      this.head.replaceChildren(...titles.map((title) => element("th", { scope: "col" }, title)));
      this.cells.clear();
    }
    this.titles = titles.join();
    arrange(this.body, view.workers.map((worker) => {
      if (!this.cells.has(worker.worker)) {
        this.cells.set(worker.worker, element("tr", {}, ...columns.map((_, place) => element(place === 0 ? "th" : "td", place === 0 ? { scope: "row" } : {}))));
      }
      const row = this.cells.get(worker.worker);
      columns.forEach(([, value], place) => setText(row.children[place], value(worker) ?? "–"));
      return row;
    }));
  }
}
