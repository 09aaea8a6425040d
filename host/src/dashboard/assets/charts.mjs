// The charts of the last minutes: drawn by uPlot, and said in words and as a table for those who don't see them.

import { element, setText } from "./dom.mjs";
import { clock, number, percent, time } from "./format.mjs";

const HEIGHT = 150;

/** The charts: what they show, in which unit and colour, and how it is said. */
const CHARTS = [
  {
    title: "Requests a second", unit: number,
    lines: [{ column: "rate", label: "requests", colour: "--accent", fill: true }, { column: "errors", label: "server errors", colour: "--bad", dash: [4, 3] }],
    says: (last) => `${number(last.rate)} requests and ${number(last.errors)} server errors a second.`,
  },
  {
    title: "Time of requests, about", unit: time,
    lines: [{ column: "p50", label: "p50", colour: "--accent" }, { column: "p99", label: "p99", colour: "--warn", dash: [4, 3] }],
    says: (last) => `Half take up to ${time(last.p50)}, 99 % up to ${time(last.p99)}.`,
  },
  {
    title: "Requests in flight", unit: number,
    lines: [{ column: "inFlight", label: "in flight", colour: "--accent", fill: true }],
    says: (last, pool) => `${number(last.inFlight)} in flight${last.saturation === null ? "" : `, ${percent(last.saturation)} of what ${pool === null ? "the proxy can do" : "may be"}`}.`,
  },
];

/** The colour of this name in the theme that is shown. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** One chart: a figure with a caption, a summary, and a table on demand. */
class Chart {
  constructor(kind) {
    this.kind = kind;
    this.summary = element("span", { class: "summary" });
    this.swaps = element("span", { class: "hidden" });
    this.canvas = element("div", { class: "canvas", "aria-hidden": "true" });
    this.rows = element("tbody");
    const head = ["Time", ...kind.lines.map((line) => line.label)].map((text) => element("th", { scope: "col" }, text));
    const table = element("table", {}, element("caption", {}, `${kind.title}, once in ten seconds`), element("thead", {}, element("tr", {}, ...head)), this.rows);
    this.details = element("details", { on: { toggle: () => this.table() } }, element("summary", {}, "As a table"),
      element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${kind.title}: table` }, table));
    const legend = element("span", { class: "legend", "aria-hidden": "true" }, ...kind.lines.map((line) =>
      element("span", { class: `key ${line.dash ? "dashed" : ""} ${line.colour.slice(2)}` }, line.label)));
    const caption = element("figcaption", {}, element("span", { class: "title" }, kind.title), legend, this.summary, this.swaps);
    this.figure = element("figure", {}, caption, this.canvas, this.details);
    this.marks = [];
  }

  /** Shows the columns of a series, and marks in time. */
  show(series, marks, pool) {
    this.series = series;
    this.marks = marks;
    const data = [series.time, ...this.kind.lines.map((line) => series[line.column])];
    if (this.plot) this.plot.setData(data, true);
    else this.plot = new globalThis.uPlot(this.options(), data, this.canvas);
    const last = series.time.length - 1;
    const value = (column) => series[column]?.[last] ?? null;
    const now = { rate: value("rate"), errors: value("errors"), p50: value("p50"), p99: value("p99"), inFlight: value("inFlight"), saturation: value("saturation") };
    setText(this.swaps, marks.length === 0 ? "" : `Marks: ${marks.map((mark) => `${clock(mark.time * 1000)} ${mark.text}`).join("; ")}.`);
    setText(this.summary, last < 0 ? "Nothing measured yet." : this.kind.says(now, pool));
    if (this.details.open) this.table();
  }

  /** One row for ten seconds, the newest first. */
  table() {
    if (!this.details.open || !this.series) return;
    const { time: times } = this.series;
    const places = times.map((_, place) => place).filter((place) => (times.length - 1 - place) % 10 === 0).toReversed();
    this.rows.replaceChildren(...places.map((place) => element("tr", {}, element("th", { scope: "row" }, clock(times[place] * 1000)),
      ...this.kind.lines.map((line) => element("td", {}, this.kind.unit(this.series[line.column][place]))))));
  }

  resize() {
    const width = this.canvas.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  redraw() {
    this.plot?.redraw(false, true);
  }

  options() {
    const axis = { stroke: () => colour("--muted"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false }, font: `11px ${colour("--font")}` };
    return {
      width: this.canvas.clientWidth || 300, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [8, 8, 0, 0],
      scales: { x: { time: true, range: (_, __, most) => [most - 300, most] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.15 : 1] } },
      axes: [
        { ...axis, size: 26, space: 70, values: (_, ticks) => ticks.map((tick) => clock(tick * 1000).slice(0, 5)), grid: { show: false } },
        { ...axis, size: 58, space: 32, values: (_, ticks) => ticks.map(this.kind.unit) },
      ],
      series: [{}, ...this.kind.lines.map((line) => ({
        label: line.label, width: 1.5, dash: line.dash, stroke: () => colour(line.colour), points: { show: false }, spanGaps: false,
        fill: line.fill ? () => `${colour(line.colour)}22` : undefined,
      }))],
      hooks: { draw: [(plot) => this.drawMarks(plot)] },
    };
  }

  /** A line where a version was swapped or the proxy was started anew. */
  drawMarks(plot) {
    const { ctx, bbox } = plot;
    const ratio = globalThis.devicePixelRatio || 1;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour("--mark");
    ctx.lineWidth = ratio;
    ctx.font = `${11 * ratio}px ${colour("--font")}`;
    for (const mark of this.marks) {
      const x = plot.valToPos(mark.time, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.setLineDash([3 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const right = x > bbox.left + bbox.width * 0.6;
      ctx.textAlign = right ? "right" : "left";
      ctx.fillText(mark.text, x + (right ? -4 : 4) * ratio, bbox.top + 10 * ratio);
    }
    ctx.restore();
  }
}

/** All charts, of one pool or of all. */
export class Charts {
  constructor(root, scope) {
    this.charts = CHARTS.map((kind) => new Chart(kind));
    this.scope = scope;
    root.append(...this.charts.map((chart) => chart.figure));
    new ResizeObserver(() => this.charts.forEach((chart) => chart.resize())).observe(root);
    scope.addEventListener("change", () => this.latest && this.show(...this.latest));
  }

  show(view, readings) {
    this.latest = [view, readings];
    this.offer(view.pools.map((pool) => pool.name));
    const pool = this.scope.selectedIndex > 0 ? this.scope.value : null;
    const oldest = Date.now() / 1000 - 300;
    const marks = readings.marks.filter((mark) => mark.time > oldest && (pool === null || mark.pool === null || mark.pool === pool));
    for (const chart of this.charts) chart.show(readings.of(pool), marks, pool);
  }

  /** The pools that can be chosen. */
  offer(names) {
    const shown = [...this.scope.options].slice(1).map((option) => option.value);
    if (this.scope.options.length > 0 && shown.join("\n") === names.join("\n")) return;
    const chosen = this.scope.selectedIndex > 0 ? this.scope.value : null;
    this.scope.replaceChildren(element("option", { value: "" }, "all pools"), ...names.map((name) => element("option", { value: name }, `pool ${name}`)));
    this.scope.selectedIndex = chosen === null ? 0 : Math.max(0, names.indexOf(chosen) + 1);
  }

  redraw() {
    this.charts.forEach((chart) => chart.redraw());
  }
}
