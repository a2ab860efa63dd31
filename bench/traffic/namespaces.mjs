// Network namespaces, and programs inside of them. Runs where inside.mjs does: all of it ends with that process.
import { execFileSync, spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { parseJson } from '../json.mjs';
import { run } from '../measure.mjs';

/** The CPU of servers and of the injector, not that of clients and loaders. */
export const LAST_CPU = cpus().length - 1;
/** Where the client, the server and the injector are: the tool that runs this process says so. */
export const PROGRAMS = process.env['BENCH_PROGRAMS'] ?? '';

const SETTINGS = [
  'net.ipv6.conf.all.disable_ipv6=1',
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv4.ip_forward=1',
  'net.core.somaxconn=65535',
  'net.ipv4.tcp_max_syn_backlog=65535',
  'net.ipv4.tcp_max_tw_buckets=1000',
  'net.ipv4.ip_local_port_range=1024 65535',
  'net.ipv4.tcp_syncookies=0',
];

/** @param {string} script @returns {string} what it prints */
export function sh(script) {
  return execFileSync('sh', ['-ec', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** @param {string} namespace @param {readonly string[]} command */
export function inside(namespace, command) {
  return ['nsenter', `--net=/run/netns/${namespace}`, ...command];
}

/** @param {string} namespace */
export function addNamespace(namespace) {
  const settings = SETTINGS.map((setting) => `'${setting}'`).join(' ');
  sh(
    `ip netns add ${namespace}; ip -n ${namespace} link set lo up; nsenter --net=/run/netns/${namespace} sysctl -qw ${settings}`,
  );
}

/** @param {readonly string[]} namespaces */
export function removeNamespaces(namespaces) {
  for (const namespace of namespaces) sh(`ip netns del ${namespace}`);
}

/** A program that ends by itself and prints JSON. @param {readonly string[]} command @returns {Record<string, number>} */
export function ask(command) {
  return numbers(run(command).stdout);
}

/** What the client and the injector print. @param {string} json @returns {Record<string, number>} */
export function numbers(json) {
  return /** @type {Record<string, number>} */ (parseJson(json));
}

/**
 * A program that is waited for later.
 * @param {readonly string[]} command
 */
export function start([program = '', ...args]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ chunk) => (output += chunk));
  /** @type {Promise<string>} */
  const ended = new Promise((resolve) =>
    child.on('close', () => {
      resolve(output);
    }),
  );
  return {
    pid: child.pid ?? 0,
    /** @param {NodeJS.Signals} [signal] */
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
    json: async () => numbers(await ended),
    /** Once it has said anything at all. */
    ready: () => new Promise((resolve) => child.stdout.once('data', resolve)),
  };
}

/** What conntrack knows of earlier samples. @param {string} namespace */
export function forget(namespace) {
  run(inside(namespace, ['sh', '-c', 'conntrack -F 2>&1 || true']));
}
