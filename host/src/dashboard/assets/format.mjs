// Numbers and times as people read them. Pure.

/** A number with as many digits as matter. */
export function number(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  if (value >= 1e6) return `${(value / 1e6).toFixed(value < 1e7 ? 2 : 1)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(value < 1e5 ? 1 : 0)} k`;
  if (value >= 100 || Number.isInteger(value)) return grouped(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 1 : 2);
}

/** A whole number with its thousands apart. */
export function grouped(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A share of 1. What isn't nothing never reads 0 %. */
export function percent(share) {
  if (share === null || !Number.isFinite(share)) return "–";
  const value = share * 100;
  if (value === 0) return "0 %";
  if (value < 0.1) return "< 0.1 %";
  return `${value < 10 && value % 1 !== 0 ? value.toFixed(1) : Math.round(value)} %`;
}

/** A time in seconds. */
export function time(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds === 0) return "0";
  if (seconds < 1e-3) return `${significant(seconds * 1e6)} µs`;
  if (seconds < 1) return `${significant(seconds * 1e3)} ms`;
  return `${significant(seconds)} s`;
}

/** Two or three digits: a quantile by buckets doesn't know more. */
function significant(value) {
  return value >= 100 ? String(Math.round(value)) : value >= 9.95 ? value.toFixed(0) : value.toFixed(1);
}

/** How long something has gone on, in its two greatest units. */
export function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  const units = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, length]) => seconds >= length);
  if (first < 0) return "0 s";
  let rest = seconds;
  const parts = units.slice(first, first + 2).map(([unit, length]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count > 0 ? `${count} ${unit}` : "";
  });
  return parts.filter(Boolean).join(" ");
}

/** The time of day of a moment in ms since 1970. */
export function clock(ms) {
  return new Date(ms).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

/** "a", "a and b", "a, b and 3 more". */
export function list(names, most = 3) {
  if (names.length <= 1) return names.join("");
  const shown = names.length > most ? names.slice(0, most) : names.slice(0, -1);
  const last = names.length > most ? `${grouped(names.length - most)} more` : names[names.length - 1];
  return `${shown.join(", ")} and ${last}`;
}

/** "1 backend", "2 backends". */
export function counted(count, noun) {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}
