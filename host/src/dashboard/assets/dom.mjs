// Elements of the page. Whatever comes from the proxy goes through here, as text: nothing is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes and children; texts among these become text nodes. `on` maps events to listeners.
 * @param {string} tag @param {Record<string, unknown>} attributes @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** Sets an element's text, if it is another: what doesn't change costs no layout, and stays selected. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Sets an attribute, if it is another; null takes it away. */
export function setAttribute(target, name, value) {
  if (value === null) target.removeAttribute(name);
  else if (target.getAttribute(name) !== String(value)) target.setAttribute(name, String(value));
}

/**
 * Makes the children of `parent` these, without touching what is in its place already: an element keeps focus and selection.
 * @param {Element} parent @param {Element[]} wanted
 */
export function arrange(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((child, place) => {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
}

/** A list of terms and what they are, kept up to date. */
export class Facts {
  constructor(list) {
    this.list = list;
    this.shown = new Map();
  }

  /** @param {[string, string, string?][]} facts term, description, and how it is marked */
  show(facts) {
    arrange(this.list, facts.map(([term, text, mark]) => {
      if (!this.shown.has(term)) {
        const description = element("dd");
        this.shown.set(term, { description, group: element("div", {}, element("dt", {}, term), description) });
      }
      const { description, group } = this.shown.get(term);
      setText(description, text);
      setAttribute(description, "class", mark ?? null);
      return group;
    }));
  }
}

/** A sign beside a word that says how bad something is: each level has its own shape, so that colour isn't needed. */
export function sign(level) {
  const shapes = {
    critical: svg("path", { d: "M5 1h6l4 4v6l-4 4H5l-4-4V5zM5.500 5.500l5 5m0-5l-5 5" }),
    warning: svg("path", { d: "M8 1.500L15 14H1zM8 6v4M8 11.600v.6" }),
    note: svg("path", { d: "M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1zM8 7v4.500M8 4.200v.6" }),
    well: svg("path", { d: "M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1zM5 8.300l2.200 2.200L11.200 6" }),
  };
  return svg("svg", { class: `sign ${level}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, shapes[level]);
}
