// What can be changed by clicking: each asks first, and says what the proxy answers.

import { change, path, upload } from "./api.mjs";
import { policyPlace } from "./attention.mjs";
import { ask } from "./dialog.mjs";
import { element } from "./dom.mjs";
import { counted } from "./format.mjs";

/** Tells the page that something has changed. */
let changed = () => {};
export const onChange = (listener) => (changed = listener);

/** What has become of a backend, and for how long. */
function toldOfBackend(answer, text) {
  const { draining, weight } = answer?.overrides ?? {};
  if ((draining ?? weight ?? null) === null) return text;
  return `${text} ${answer.survives_restart ? "That outlives a restart." : "That ends with the process, as there is no state_dir."}`;
}

/** What has become of a policy. */
function toldOfPolicy(answer, text) {
  if (answer?.result === "unchanged") return `Version ${answer.version} serves already.`;
  return answer?.result === "swapped" ? `Version ${answer.version} serves${answer.before ? ` in the place of ${answer.before}` : ""}.` : text;
}

const backendPath = (backend) => path("pools", backend.pool, "backends", backend.name);

/** Takes a backend out of use without cutting anything off, or puts it back. */
export function drain(backend) {
  const draining = !backend.draining;
  const verb = draining ? "Drain" : "Undrain";
  const says = draining
    ? [`${backend.name} gets nothing new. What runs there (${counted(backend.in_flight, "request")} at the moment) is finished.`,
       `The other backends of pool ${backend.pool} take its share.`]
    : [`${backend.name} gets requests of pool ${backend.pool} again, as far as its health allows.`];
  ask({
    title: `${verb} ${backend.name}?`, says, verb, done: changed,
    act: async () => {
      // What was drained by hand goes back to what the file says.
      const value = draining ? true : backend.overrides?.draining === true ? null : false;
      const answer = await change("PATCH", backendPath(backend), { draining: value });
      return toldOfBackend(answer, `${backend.name} ${draining ? "drains" : "isn't drained any more"}.`);
    },
  });
}

/** Changes how large a backend's share is. */
export function weigh(backend) {
  const input = element("input", { type: "number", name: "weight", min: 0.001, max: 1000, step: "any", required: true, value: backend.full_weight });
  const back = element("input", { type: "checkbox", name: "back" });
  back.addEventListener("change", () => (input.disabled = back.checked));
  const overridden = backend.overrides !== null && backend.overrides.weight !== null && backend.overrides.weight !== undefined;
  const fields = [element("label", { class: "field" }, "Weight ", input)];
  if (overridden) fields.push(element("label", { class: "check" }, back, " As the file says"));
  ask({
    title: `Weight of ${backend.name}`, verb: "Set the weight", fields, done: changed,
    says: [`The share of ${backend.name} in pool ${backend.pool} is its weight among the weights of all. Policies that look at load may depart from it.`],
    act: async () => {
      const weight = back.checked ? null : Number(input.value);
      const answer = await change("PATCH", backendPath(backend), { weight });
      return toldOfBackend(answer, weight === null ? `${backend.name} weighs what the file says.` : `${backend.name} weighs ${weight}.`);
    },
  });
}

function policyPath(policy, ...rest) {
  const query = policy.route === null ? "" : `?route=${encodeURIComponent(policy.route)}`;
  return path("pools", policy.pool, "policy", ...rest) + query;
}

/** The version that a change replaces: if another one serves by then, the proxy refuses. */
const replaces = (policy) => ({ "If-Match": `"${policy.version}"` });

/** Puts another plugin in the place of the one that serves. */
export function swap(policy) {
  const file = element("input", { type: "file", name: "plugin", accept: ".wasm,application/wasm", required: true });
  ask({
    title: `Swap the policy of ${policyPlace(policy)}`, verb: "Swap", done: changed,
    says: [`${policy.name}@${policy.version} picks at the moment. The plugin is checked and tried out first; if it passes, it takes over at the next request, and none is lost.`,
      "If it has faults within its probation, the version before it comes back by itself."],
    fields: [element("label", { class: "field" }, "Plugin (.wasm) ", file)],
    act: async () => {
      const answer = await upload(policyPath(policy), file.files[0], replaces(policy));
      return toldOfPolicy(answer, `${file.files[0].name} serves.`);
    },
  });
}

/** Versions that a policy can be taken back to, the newest first. */
export function earlier(policy) {
  return policy.versions.filter((version) => !version.active).toReversed();
}

/** Takes a policy back to a version before. */
export function rollBack(policy) {
  const versions = earlier(policy);
  const option = ({ version, origin }) => element("option", { value: version }, `${version} (${origin})`);
  const select = element("select", { name: "version" }, ...versions.map(option));
  ask({
    title: `Roll back the policy of ${policyPlace(policy)}`, verb: "Roll back", done: changed,
    says: [`${policy.name}@${policy.version} stops picking at the next request, and this version takes over. No request is lost.`],
    fields: [element("label", { class: "field" }, "To version ", select)],
    act: async () => toldOfPolicy(await change("POST", policyPath(policy, "rollback"), { version: select.value }), `Version ${select.value} serves again.`),
  });
}

/** Lets a version in again that was taken back. */
export function unquarantine(policy) {
  const { version, reason } = policy.quarantine;
  ask({
    title: `Let version ${version} in again?`, verb: "Let it in", done: changed,
    says: [`It was taken back: ${reason}.`, "It doesn't serve by this; but when it is swapped in, it isn't refused for its past."],
    act: async () => toldOfPolicy(await change("POST", policyPath(policy, "unquarantine"), { version }), `Version ${version} may be swapped in again.`),
  });
}
