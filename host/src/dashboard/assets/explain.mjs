// Why one request went where it went.

import { ask, path } from "./api.mjs";
import { element } from "./dom.mjs";
import { clock, counted, list, number, time } from "./format.mjs";

const ms = (us) => (us === null ? "–" : time(us / 1e6));
const row = (kind, cells) => element("tr", {}, ...cells.map((text, place) => element(place === 0 ? "th" : kind, place === 0 ? { scope: kind === "th" ? "col" : "row" } : {}, text)));

/** A table that scrolls by itself where it is wider than the page. */
function table(caption, head, rows) {
  const made = element("table", {}, element("caption", {}, caption), element("thead", {}, row("th", head)), element("tbody", {}, ...rows.map((cells) => row("td", cells))));
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, made);
}

/** Asks for a request's id, and shows its explanation. */
export function explainForm(root) {
  const id = element("input", { type: "search", name: "id", required: true, autocomplete: "off", spellcheck: false, placeholder: "x-request-id" });
  const found = element("div", { role: "status" });
  const submit = async (event) => {
    event.preventDefault();
    found.textContent = "Asking the proxy …";
    try {
      found.replaceChildren(...explanation(await ask(path("explanations", id.value.trim()))));
    } catch (error) {
      found.replaceChildren(element("p", { class: "trouble" }, error.message));
    }
  };
  const label = element("label", { class: "field" }, "Request id ", id);
  root.append(element("form", { class: "bar", on: { submit } }, label, element("button", {}, "Explain")), found);
}

function explanation(it) {
  const from = `${it.client}${it.time_ms === null ? "" : ` at ${clock(it.time_ms)}`}`;
  const end = `${it.status ?? "no response"}${it.error ? ` (${it.error})` : ""} after ${ms(it.total_us)}`;
  const says = [
    `From ${from}, ${it.route ? `by route ${it.route.name ?? it.route.index} (${it.route.rule})` : "which no route matches"}${it.pool ? `, to pool ${it.pool}` : ""}: ${end}.`,
  ];
  if (it.queue) says.push(`It waited ${ms(it.queue.waited_us)} behind ${counted(it.queue.place, "request")}.`);
  if (it.picks_left_out > 0) says.push(`${counted(it.picks_left_out, "pick")} after the first aren't shown.`);
  const parts = says.map((text) => element("p", {}, text)).concat(it.picks.flatMap(pick));
  if (it.attempts.length > 0) parts.push(attempts(it.attempts));
  return parts;
}

/** Who was asked, what it said, and what came of that. */
function verdict({ policy, version, answer, detail, chosen }) {
  const who = policy ? `${policy}@${version}` : "The policy";
  const said = { backend: `picked ${detail}`, abstained: "had no opinion", rejected: `rejected it with ${detail}`, failed: `failed (${detail})`, "bad-verdict": detail }[answer];
  const came = !chosen ? "nobody serves" : chosen.had_room ? `${chosen.backend} serves, by ${chosen.by}` : `${chosen.backend} is full`;
  return `${who} ${said ?? `wasn't asked (${detail})`}; ${came}.`;
}

function pick(it) {
  const names = [...new Set(it.candidates.flatMap((candidate) => Object.keys(candidate.numbers)))];
  const rows = it.candidates.map((candidate) => {
    const words = [["tried", candidate.tried], ["draining", candidate.draining], ["unhealthy", !candidate.healthy], ["backup", candidate.backup], ["not eligible", !candidate.eligible]];
    const state = words.filter(([, holds]) => holds).map(([word]) => word).join(", ") || "ready";
    const name = `${it.chosen?.backend === candidate.name ? "→ " : ""}${candidate.name}`;
    return [name, state, number(candidate.weight), ...names.map((of) => candidate.numbers[of] ?? "–")];
  });
  const more = it.candidates_total - it.candidates.length;
  const asked = it.given.map(({ what, value }) => (value === null ? what : `${what} (${value})`));
  const parts = [element("h3", {}, `Attempt ${it.attempt + 1}`), element("p", {}, verdict(it))];
  if (it.panicking) parts.push(element("p", { class: "trouble" }, "So few backends were healthy that health was ignored."));
  parts.push(table("What the policy was told", ["Backend", "State", "Weight", ...names], rows));
  if (more > 0) parts.push(element("p", {}, `${counted(more, "more backend")} not shown.`));
  if (asked.length > 0) parts.push(element("p", {}, `It also asked for ${list(asked, 8)}.`));
  return parts;
}

function attempts(all) {
  const rows = all.map((it, place) => [`${place + 1}: ${it.backend}`, it.reused ? "reused" : ms(it.connect_us), ms(it.head_us), ms(it.total_us), it.error ?? String(it.status ?? it.outcome), it.next]);
  return table("Attempts", ["Attempt", "Connect", "Head", "End", "Result", "Then"], rows);
}
