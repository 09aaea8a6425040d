// The policies: what picks, how fast, and who really chose.

import { earlier, rollBack, swap, unquarantine } from "./actions.mjs";
import { arrange, element, Facts, setAttribute, setText } from "./dom.mjs";
import { clock, counted, grouped, number, percent, time } from "./format.mjs";
import { keyOf } from "./readings.mjs";

/** Who may have made a pick, in the order of the bar. */
const CHOOSERS = ["policy", "abstention", "fallback", "rejected", "failed"];

class PolicyPanel {
  constructor() {
    this.title = element("h3");
    this.version = element("p", { class: "version" });
    this.put = element("p", { class: "hint" });
    this.facts = new Facts(element("dl", { class: "numbers small", "aria-label": "Numbers of the policy" }));
    this.parts = new Map(CHOOSERS.map((by) => [by, element("span", { class: `part ${by}` })]));
    this.chosen = element("span", { class: "chosen-text" });
    const bar = element("span", { class: "stack", "aria-hidden": "true" }, ...this.parts.values());
    const button = (text, act) => element("button", { type: "button", on: { click: () => act(this.policy) } }, text);
    this.swap = button("Swap", swap);
    this.rollBack = button("Roll back", rollBack);
    this.unquarantine = button("Let in again", unquarantine);
    this.quarantine = element("p", { class: "trouble", hidden: true });
    this.versions = element("ol", { class: "versions" });
    this.history = element("details", {}, element("summary", {}, "Versions"), this.versions);
    this.root = element("article", { class: "policy" },
      element("div", { class: "policy-head" }, element("div", {}, this.title, this.version, this.put),
        element("div", { class: "actions" }, this.swap, this.rollBack, this.unquarantine)),
      this.facts.list, element("p", { class: "chosen" }, "Chosen by ", bar, this.chosen), this.quarantine, this.history);
  }

  show(policy) {
    this.policy = policy;
    const place = policy.route === null ? policy.pool : `${policy.pool}, route ${policy.route}`;
    setAttribute(this.root, "aria-label", `Policy of ${place}`);
    setText(this.title, place);
    setText(this.version, `${policy.name}@${policy.version}, published at ${clock(policy.last_swap_ms)}`);
    setAttribute(this.version, "title", policy.origin);
    const put = policy.overrides;
    setText(this.put, put ? `changed by hand, the file says ${put.in_file}` : "");
    this.facts.show(policyNumbers(policy));
    this.showChosen(policy);
    setAttribute(this.swap, "aria-label", `Swap the policy of ${place}`);
    setAttribute(this.rollBack, "aria-label", `Roll back the policy of ${place}`);
    this.rollBack.disabled = earlier(policy).length === 0;
    this.unquarantine.hidden = this.quarantine.hidden = policy.quarantine === null;
    if (policy.quarantine !== null) setText(this.quarantine, `Not let in: ${policy.quarantine.version}, ${policy.quarantine.reason}`);
    const lines = policy.versions.toReversed().map((version) => {
      const faults = Object.entries(version.faults).filter(([, count]) => count > 0).map(([kind, count]) => `${grouped(count)} × ${kind}`);
      return `${version.version} from ${version.origin}, ${version.active ? "serves since" : "last published at"} ${clock(version.published_ms)}${faults.length > 0 ? `, faults: ${faults.join(", ")}` : ""}`;
    });
    setText(this.history.firstChild, counted(lines.length, "version"));
    if (lines.join("\n") !== this.lines) this.versions.replaceChildren(...lines.map((line) => element("li", {}, line)));
    this.lines = lines.join("\n");
  }

  /** Shares of the last seconds, in a bar and in words. */
  showChosen(policy) {
    const rates = new Map(policy.chosen);
    const words = [];
    for (const [by, part] of this.parts) {
      const share = policy.rate > 0 ? (rates.get(by) ?? 0) / policy.rate : 0;
      part.style.width = `${share * 100}%`;
      if (share > 0) words.push(`${by} ${percent(share)}`);
    }
    setText(this.chosen, words.join(", ") || "no picks at the moment");
  }
}

/** @returns {[string, string, string?][]} */
function policyNumbers(policy) {
  return [
    ["picks/s", number(policy.rate)],
    ["pick p50, about", time(policy.p50)], ["pick p99, about", time(policy.p99)],
    ["faults", grouped(policy.faultCount), policy.faultRate > 0 ? "bad" : undefined],
    ["open circuits", grouped(policy.open_circuits), policy.open_circuits > 0 ? "bad" : undefined],
    ["taken back", grouped(policy.rollbacks)],
  ];
}

/** All policies. */
export class Policies {
  constructor(root) {
    this.root = root;
    this.panels = new Map();
  }

  show(view) {
    const panels = view.policies.map((policy) => {
      const key = keyOf(policy.pool, policy.route);
      if (!this.panels.has(key)) this.panels.set(key, new PolicyPanel());
      const panel = this.panels.get(key);
      panel.show(policy);
      return panel.root;
    });
    arrange(this.root, panels);
  }
}
