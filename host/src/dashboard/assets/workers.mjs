// The workers: threads with their own event loops.

import { arrange, element, setText } from "./dom.mjs";
import { grouped, number, percent, time } from "./format.mjs";

/**
 * The share of time in which a worker wanted a CPU, waiting for one included. Where the kernel keeps no account: in which it did something,
 * which is a little less.
 */
function wanted({ rates }) {
  const [cpu, waiting] = [rates.cpu_seconds ?? null, rates.waiting_seconds ?? null];
  return cpu === null || waiting === null ? (rates.busy_seconds ?? null) : cpu + waiting;
}

/** What is shown of a worker. */
const COLUMNS = [
  ["Worker", (worker) => String(worker.worker)],
  ["Connections", (worker) => grouped(worker.connections)],
  ["Req/s", (worker) => number(worker.rates.requests)],
  ["Wants the CPU", (worker) => percent(wanted(worker))],
  ["Lag p99, about", (worker) => time(worker.lag_p99_seconds)],
];

export class Workers {
  constructor(root) {
    this.body = element("tbody");
    this.cells = new Map();
    root.append(element("table", { class: "workers" }, element("caption", { class: "hidden" }, "Workers"), element("thead", {}, element("tr", {}, ...COLUMNS.map(([title]) => element("th", { scope: "col" }, title)))), this.body));
  }

  show(view) {
    arrange(this.body, view.workers.map((worker) => {
      if (!this.cells.has(worker.worker)) {
        this.cells.set(worker.worker, element("tr", {}, ...COLUMNS.map((_, place) => element(place === 0 ? "th" : "td", place === 0 ? { scope: "row" } : {}))));
      }
      const row = this.cells.get(worker.worker);
      COLUMNS.forEach(([, value], place) => setText(row.children[place], value(worker)));
      return row;
    }));
  }
}
