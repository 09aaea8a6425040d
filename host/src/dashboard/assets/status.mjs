// The top of the page: which proxy this is, whether it answers, and how things are in one sentence.

import { sentence } from "./attention.mjs";
import { element, Facts, setAttribute, setText, sign } from "./dom.mjs";
import { counted, duration, grouped, number, percent, time } from "./format.mjs";

/** Most problems that are listed below the sentence. */
const MOST = 6;

export class Status {
  constructor(find) {
    this.facts = new Facts(find("facts"));
    this.numbers = new Facts(find("numbers"));
    this.sentence = find("sentence");
    this.list = find("problems");
    [this.link, this.linkText] = [find("link"), find("link-text")];
  }

  show(view) {
    this.facts.show([
      ["host", view.name], ["version", view.version], ["up", duration(view.uptime_ms)],
      ["configuration", `generation ${grouped(view.configuration)}`],
    ]);
    this.say(view);
    const { all } = view;
    this.numbers.show([
      ["requests/s", number(all.rate)],
      ["server errors", percent(all.errorShare), all.errorShare >= 0.01 ? "bad" : undefined],
      ["p50, about", time(all.p50)], ["p99, about", time(all.p99)],
      ["in flight", number(all.inFlight)],
      ["saturation", percent(view.saturation), view.saturation >= 0.8 ? "warn" : undefined],
    ]);
  }

  say(view) {
    const found = view.troubles;
    const level = found[0]?.level ?? "well";
    const worst = level === "note" ? "well" : level;
    const rest = worst === "well" ? found : found.slice(1);
    document.title = worst === "well" ? `${view.name} · Pointsman` : `(!) ${view.name} · Pointsman`;
    const text = sentence(view);
    if (this.said !== `${worst} ${text}`) {
      const word = { critical: "Critical: ", warning: "Attention: ", well: "" }[worst];
      this.sentence.replaceChildren(sign(worst), element("span", {}, word ? element("strong", {}, word) : "", text));
      setAttribute(this.sentence, "data-level", worst);
    }
    this.said = `${worst} ${text}`;
    const lines = rest.slice(0, MOST).map((problem) => `${problem.level} ${problem.text}`).concat(String(rest.length));
    if (lines.join("\n") === this.lines) return;
    this.lines = lines.join("\n");
    const items = rest.slice(0, MOST).map((problem) => element("li", { "data-level": problem.level }, sign(problem.level), element("span", {}, problem.text)));
    if (rest.length > MOST) items.push(element("li", {}, element("span", {}, `and ${counted(rest.length - MOST, "thing")} more; see "Only what needs attention".`)));
    this.list.replaceChildren(...items);
  }

  /** How the page's connection to the proxy is. */
  connection(state, text) {
    setAttribute(this.link, "data-state", state);
    setText(this.linkText, text);
  }

  /** The proxy doesn't answer: what is shown is old. */
  lost(detail, again) {
    document.body.classList.add("stale");
    this.connection("lost", `${detail} Trying again in ${duration(again)}.`);
  }

  /** The proxy answers. */
  live(restarted) {
    document.body.classList.remove("stale");
    this.connection("live", restarted ? "live; the proxy was started anew" : "live");
  }
}
