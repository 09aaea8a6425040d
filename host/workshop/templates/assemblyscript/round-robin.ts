// Backends take turns, each as often as its weight says and evenly spread: 3 and 1 give a a b a.
// Each worker of the proxy has its own turns.

import { ABSENT, ABSTAIN, Flag, backend, backendCount, flags, tried, weight } from "./pointsman";

/** How much each backend is behind its share. */
let behind = new StaticArray<i64>(0);

export function pointsman_init(): i32 {
  restart();
  return 0;
}

export function pointsman_topology(): void {
  restart();
}

/** Backends came, went, or changed: what was kept for their indexes is void. */
function restart(): void {
  behind = new StaticArray<i64>(backendCount());
}

export function pointsman_pick(): i64 {
  let next = ABSENT;
  let total: i64 = 0;
  for (let index = 0; index < behind.length; index++) {
    if (!usable(index)) continue;
    const share: i64 = weight(index);
    behind[index] += share;
    total += share;
    if (next < 0 || behind[index] > behind[next]) next = index;
  }
  if (next < 0) return ABSTAIN;
  behind[next] -= total;
  return backend(next);
}

function usable(index: i32): bool {
  return (flags(index) & Flag.ELIGIBLE) != 0 && tried(index) != 1;
}
