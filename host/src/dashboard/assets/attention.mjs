// What needs attention, in words. Pure.

import { counted } from "./format.mjs";

/** A backend's state: a word, how bad it is, and what it means. */
export function stateOf(backend) {
  if (backend.draining) return { word: "draining", level: "note", why: "finishes what runs and gets nothing new" };
  if (backend.ejected) return { word: "ejected", level: "warning", why: "gets no requests for a while, as its responses were bad" };
  if (backend.unchecked) return { word: "unchecked", level: "note", why: "gets no requests before its first health check has passed" };
  if (!backend.healthy) return { word: "down", level: "critical", why: "its health checks fail" };
  if (!backend.eligible) return { word: "not in use", level: "note", why: "gets no requests" };
  if (backend.in_flight >= backend.limit) return { word: "full", level: "warning", why: "has as many requests as it may" };
  if (backend.weight < backend.full_weight) return { word: "starting", level: "note", why: "gets less than its share for a while" };
  return { word: "healthy", level: null, why: "takes requests" };
}

/** Whether a backend belongs into "only what needs attention". */
export const needsAttention = (backend) => stateOf(backend).level !== null || backend.trouble !== null;

/** One sentence that says how things are; what is wrong, the proxy says. */
export function sentence(view) {
  const wrong = view.troubles.filter((trouble) => trouble.level !== "note");
  if (wrong.length > 0) return wrong[0].text;
  const eligible = view.pools.reduce((all, pool) => all + pool.eligible, 0);
  const verb = eligible === 1 ? "takes" : "take";
  return `All well. ${counted(eligible, "backend")} in ${counted(view.pools.length, "pool")} ${verb} requests.`;
}

/** How the policy of a pool or of one of its routes is called on the page. */
export function policyPlace(policy) {
  return policy.route === null ? `pool ${policy.pool}` : `route ${policy.route} to pool ${policy.pool}`;
}
