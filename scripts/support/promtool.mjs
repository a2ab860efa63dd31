// Prometheus' own judge of metrics and alert rules, in .cache/prometheus/root, as Debian packs it and not installed: its package
// would start a Prometheus on this machine.
import { ensureUnpacked } from './unpacked.mjs';

/** Whether it is there: `usr/bin/promtool`. */
export function ensurePromtool() {
  return ensureUnpacked('prometheus', [['prometheus']]);
}
