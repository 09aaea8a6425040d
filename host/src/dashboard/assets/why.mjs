// Why a request went to its backend: what the proxy kept of it.

import { ask, path } from "./api.mjs";
import { element } from "./dom.mjs";

/** Makes a form ask for the explanation of a request. */
export function why(form, place) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      place.replaceChildren(tree(await ask(path("explanations", form.elements.id.value.trim()))));
    } catch (error) {
      place.replaceChildren(element("p", { class: "answer bad" }, error.message));
    }
  });
}

/** A value as a list of its names and values, all the way down. */
function tree(value) {
  if (value === null || typeof value !== "object") return element("span", {}, value === null ? "–" : String(value));
  if (Array.isArray(value)) return element("ol", {}, ...value.map((item) => element("li", {}, tree(item))));
  const rows = Object.entries(value).map(([name, item]) => element("div", {}, element("dt", {}, name.replaceAll("_", " ")), element("dd", {}, tree(item))));
  return element("dl", { class: "tree" }, ...rows);
}
