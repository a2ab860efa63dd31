// CPU time that processes have had, to the nanosecond, softirqs that ran in them included.
import { readdirSync, readFileSync } from 'node:fs';

/** Processes of this lab are seen here under the numbers that they have inside; kernel threads in /proc. */
const INSIDE = '/run/proc';

/** @param {string} file @returns {number} seconds */
function runTime(file) {
  try {
    return Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e9;
  } catch {
    return 0; // It has ended.
  }
}

/** @param {string} proc @param {string} pid */
function threads(proc, pid) {
  try {
    return readdirSync(`${proc}/${pid}/task`).map((task) => `${proc}/${pid}/task/${task}/schedstat`);
  } catch {
    return [];
  }
}

/** @param {string} proc @param {string} pid */
function nameOf(proc, pid) {
  try {
    return readFileSync(`${proc}/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** @param {string} proc @param {RegExp} name */
function processes(proc, name) {
  return readdirSync(proc).filter((pid) => /^\d+$/.test(pid) && name.test(nameOf(proc, pid)));
}

const softirqs = processes('/proc', /^ksoftirqd\//).flatMap((pid) => threads('/proc', pid));

/** Seconds of the server, the proxies and the softirqs so far. */
export function cpuTime() {
  const own = processes(INSIDE, /^(?:server|haproxy|nginx)$/).flatMap((pid) => threads(INSIDE, pid));
  return [...own, ...softirqs].reduce((sum, file) => sum + runTime(file), 0);
}
