// What has happened, the newest first.

import { element, sign } from "./dom.mjs";
import { clock } from "./format.mjs";

/** Most events that are shown. */
const MOST = 200;
const LEVELS = { error: ["critical", "error"], warn: ["warning", "warning"], info: ["note", "info"] };

export class Events {
  constructor(list) {
    this.list = list;
    this.list.append(element("li", { class: "nothing" }, "Nothing has happened yet."));
  }

  /** Those that were there before the page aren't read out; those that come while it is open are. */
  show(events) {
    if (events.length > 0) {
      this.list.querySelector(".nothing")?.remove();
      this.list.prepend(...events.slice(-MOST).map(item).toReversed());
      while (this.list.children.length > MOST) this.list.lastElementChild.remove();
    }
    this.list.setAttribute("aria-live", "polite");
  }

  clear() {
    this.list.replaceChildren();
  }
}

function item(event) {
  const [level, word] = LEVELS[event.level] ?? LEVELS.info;
  const fields = Object.entries(event.fields).map(([name, value]) => `${name}=${value}`).join("  ");
  const when = element("time", { datetime: new Date(event.time_ms).toISOString() }, clock(event.time_ms));
  return element("li", { "data-level": level }, when, element("span", { class: "level" }, sign(level), word),
    element("span", { class: "message" }, event.message, element("span", { class: "fields" }, fields)));
}
