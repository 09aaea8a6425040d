// The admin API, as the page asks it.

const BASE = "/api/v1";
const TOKEN = "pointsman-token";

/** What came instead of an answer. `status` is 0 if nothing came at all. */
export class Refused extends Error {
  constructor(status, detail, problem = null) {
    super(detail);
    this.status = status;
    this.problem = problem;
  }
}

/** Keeps the token for as long as the tab is open. */
export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (value) => sessionStorage.setItem(TOKEN, value),
  forget: () => sessionStorage.removeItem(TOKEN),
};

/** A path below the API's; each part may hold any character. */
export const path = (...parts) => `${BASE}/${parts.map(encodeURIComponent).join("/")}`;

/**
 * Asks, and answers what JSON came.
 * @param {string} target @param {RequestInit & { patience?: number }} options
 */
export async function ask(target, { headers = {}, patience = 10_000, ...options } = {}) {
  const known = token.get();
  const all = known === null ? headers : { ...headers, Authorization: `Bearer ${known}` };
  const signal = AbortSignal.timeout(patience);
  let response;
  let text;
  try {
    response = await fetch(target, { ...options, headers: all, signal, cache: "no-store", credentials: "omit" });
    text = await response.text();
  } catch (error) {
    throw new Refused(0, error.name === "TimeoutError" ? "The proxy didn't answer in time." : "The proxy can't be reached.");
  }
  const answer = parsed(text);
  if (response.ok) return answer;
  throw new Refused(response.status, answer?.detail ?? (text.trim() || `The answer was ${response.status}.`), answer);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A change with a JSON body. */
export function change(method, target, body, headers = {}) {
  return ask(target, { method, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });
}

/** A plugin in the place of the one that serves. Compiled and tried first, it takes a while. */
export function upload(target, plugin, headers = {}) {
  const named = `${target}${target.includes("?") ? "&" : "?"}file=${encodeURIComponent(plugin.name)}`;
  return ask(named, { method: "PUT", headers: { "Content-Type": "application/wasm", ...headers }, body: plugin, patience: 60_000 });
}
