// Two backends at random; the one with fewer requests per weight gets the request.

import { ABSTAIN, Flag, Stat, backend, backendCount, flags, random, stat, tried, weight } from "./pointsman";

// Grown once: `_initialize` has to run for it to be there.
const open = new Array<i32>();

export function pointsman_init(): i32 {
  return 0;
}

export function pointsman_pick(): i64 {
  open.length = 0;
  const count = backendCount();
  for (let index = 0; index < count; index++) {
    if ((flags(index) & Flag.ELIGIBLE) != 0 && tried(index) == 0) open.push(index);
  }
  if (open.length == 0) return ABSTAIN;
  const place = below(open.length);
  const first = open[place];
  if (open.length == 1) return backend(first);
  const second = open[(place + 1 + below(open.length - 1)) % open.length];
  const lighter = stat(Stat.IN_FLIGHT, first) * weight(second) <= stat(Stat.IN_FLIGHT, second) * weight(first);
  return backend(lighter ? first : second);
}

function below(bound: i32): i32 {
  return <i32>(<u64>random() % <u64>bound);
}
