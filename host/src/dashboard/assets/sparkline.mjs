// A line of the last values, as small as a word.

import { setAttribute, svg } from "./dom.mjs";

const [WIDTH, HEIGHT, POINTS] = [96, 22, 60];

/** The points of a line through these values, the newest at the right. Pure. */
export function points(values) {
  const most = values.reduce((a, b) => Math.max(a, b ?? 0), 0);
  const step = WIDTH / (POINTS - 1);
  return values.map((value, place) => {
    const x = WIDTH - (values.length - 1 - place) * step;
    const y = most > 0 ? HEIGHT - 2 - ((value ?? 0) / most) * (HEIGHT - 4) : HEIGHT - 2;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  }).join(" ");
}

/** A sparkline. It is decoration: the number beside it says what there is to say. */
export class Sparkline {
  constructor() {
    this.line = svg("polyline", { fill: "none" });
    this.root = svg("svg", { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, "aria-hidden": "true" }, this.line);
  }

  show(values) {
    setAttribute(this.line, "points", points(values));
  }
}
