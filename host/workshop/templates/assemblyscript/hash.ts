// The same client gets the same backend; when a backend leaves, only its clients move, and they come back with it.
//
// Rendezvous hashing: each backend has a number for each client, and the highest one of all wins. A backend of weight 3 has three.

import {
  ABSENT,
  ABSTAIN,
  BackendField,
  Flag,
  HashSource,
  WEIGHT_UNIT,
  backend,
  backendCount,
  backendText,
  configuredWeight,
  flags,
  hash,
  tried,
} from "./pointsman";

/** A number for each backend's name. */
let names = new StaticArray<u64>(0);

const NAME_BYTES: i32 = 256;
const name = memory.data(NAME_BYTES);

export function pointsman_init(): i32 {
  readNames();
  return 0;
}

export function pointsman_topology(): void {
  readNames();
}

export function pointsman_pick(): i64 {
  // `HashSource.HEADER` with the name of a header makes its value the key.
  const key = <u64>hash(HashSource.CLIENT_IP, 0, 0);
  if (key == 0) return ABSTAIN;
  let owner = ABSENT;
  let highest: u64 = 0;
  for (let index = 0; index < names.length; index++) {
    if (!usable(index)) continue;
    const numbers = max(1, configuredWeight(index) / WEIGHT_UNIT);
    for (let number = 0; number < numbers; number++) {
      const score = mix(mix(key ^ names[index]) + number);
      if (owner < 0 || score > highest) {
        highest = score;
        owner = index;
      }
    }
  }
  return owner < 0 ? ABSTAIN : backend(owner);
}

function readNames(): void {
  names = new StaticArray<u64>(backendCount());
  for (let index = 0; index < names.length; index++) {
    const length = min(backendText(index, BackendField.NAME, name, NAME_BYTES), NAME_BYTES);
    let hash: u64 = 0xcbf29ce484222325;
    for (let at = 0; at < length; at++) hash = (hash ^ load<u8>(name + at)) * 0x100000001b3;
    names[index] = hash;
  }
}

/** All bits of the input change all bits of the output. */
function mix(x: u64): u64 {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

function usable(index: i32): bool {
  return (flags(index) & Flag.ELIGIBLE) != 0 && tried(index) != 1;
}
