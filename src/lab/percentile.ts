/** Of numbers in ascending order the one that `percent` of all do not exceed (nearest rank); 0 of none. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;
}
