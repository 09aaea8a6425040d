// Quantiles of times that were counted in buckets. Pure: no page, no clock.

/**
 * How many times fell into each bucket between two readings of a counter, or since its start if there is no earlier one.
 * @param {number[]} counts @param {number[] | undefined} earlier
 */
export function difference(counts, earlier) {
  return earlier === undefined ? counts : counts.map((count, bucket) => Math.max(0, count - (earlier[bucket] ?? 0)));
}

/** The sum of several histograms with the same bounds. */
export function total(histograms) {
  const sum = [];
  for (const counts of histograms) {
    counts.forEach((count, bucket) => (sum[bucket] = (sum[bucket] ?? 0) + count));
  }
  return sum;
}

/**
 * The time that this share of all times doesn't exceed, about: within a bucket, times are taken to be spread evenly. Times above all
 * bounds are told as the last bound, which is too little. Null if there are no times.
 * @param {number[]} bounds upper bounds, rising @param {number[]} counts one more than bounds @param {number} share 0 to 1
 */
export function quantile(bounds, counts, share) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (!(all > 0) || bounds.length === 0) return null;
  const rank = share * all;
  let below = 0;
  for (let bucket = 0; bucket < bounds.length; bucket += 1) {
    const inside = counts[bucket] ?? 0;
    if (inside > 0 && below + inside >= rank) {
      const lower = bucket === 0 ? 0 : bounds[bucket - 1];
      return lower + (bounds[bucket] - lower) * ((rank - below) / inside);
    }
    below += inside;
  }
  return bounds[bounds.length - 1];
}
