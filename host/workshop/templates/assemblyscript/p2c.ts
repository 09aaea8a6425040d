// Of two random backends the one with fewer requests in flight per unit of weight gets the request.

import { ABSENT, ABSTAIN, Flag, Stat, backend, backendCount, flags, random, stat, tried, weight } from "./pointsman";

export function pointsman_init(): i32 {
  return 0;
}

export function pointsman_pick(): i64 {
  const first = draw(ABSENT);
  if (first < 0) return ABSTAIN;
  const second = draw(first);
  return backend(second >= 0 && isLighter(second, first) ? second : first);
}

/** One of the usable backends at random, other than `except`; -1 if there is none. */
function draw(except: i32): i32 {
  const count = backendCount();
  let open: u64 = 0;
  for (let index = 0; index < count; index++) {
    if (index != except && usable(index)) open++;
  }
  if (open == 0) return ABSENT;
  let place = <u64>random() % open;
  for (let index = 0; index < count; index++) {
    if (index == except || !usable(index)) continue;
    if (place == 0) return index;
    place--;
  }
  return ABSENT;
}

function usable(index: i32): bool {
  return (flags(index) & Flag.ELIGIBLE) != 0 && tried(index) != 1;
}

/** By multiplication: a division would round. */
function isLighter(one: i32, other: i32): bool {
  return stat(Stat.IN_FLIGHT, one) * weight(other) < stat(Stat.IN_FLIGHT, other) * weight(one);
}
