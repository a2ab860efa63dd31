// Clients, a load balancer each, and three workers that all of them share.
import { expectAll } from '../rounds.mjs';
import { asked, WORKER_PORT } from './fleet.mjs';
import { fileOf, load } from './load.mjs';
import {
  addNamespace,
  ask,
  forget,
  inside,
  LAST_CPU,
  PROGRAMS,
  removeNamespaces,
  sh,
  start,
} from './namespaces.mjs';

/** @typedef {import('./fleet.mjs').App} App */
/** @typedef {import('./variants.mjs').Variant} Variant */
/** @typedef {'connect' | 'ask' | 'hold' | 'send'} Mode */

const WORKERS = ['w1', 'w2', 'w3'];

/** Starts the workers; what ends them. */
export async function startWorkers() {
  WORKERS.forEach((worker, index) => {
    addNamespace(worker);
    sh(`ip -n ${worker} route add local 10.${21 + index}.0.0/16 dev lo`);
  });
  const server = start([`${PROGRAMS}/server`, String(WORKER_PORT), String(LAST_CPU), ...WORKERS]);
  await server.ready();
  return async () => {
    await server.stop();
    removeNamespaces(WORKERS);
  };
}

/** A client, and the load balancer between it and the workers. */
export class TcpLab {
  /** @type {Awaited<ReturnType<typeof load>>} */
  #proxy;

  /** @param {number} index below 120 @param {Variant} variant @param {App[]} apps */
  constructor(index, variant, apps) {
    this.variant = variant;
    this.apps = apps;
    const app = asked(apps);
    const routed = variant.kind === 'direct' || variant.kind === 'nothing';
    this.target = (routed ? app.destinations[0] : undefined) ?? app;
    this.source = `10.${128 + index}.0.1`;
    this.client = `c${index}`;
    this.balancer = variant.kind === 'direct' ? this.client : `l${index}`;
    addNamespace(this.client);
    if (this.balancer !== this.client) this.#wireBalancer(index);
    sh(`ip -n ${this.client} route add local 10.${128 + index}.0.0/16 dev lo`);
    WORKERS.forEach((worker, number) => {
      const net = `172.${16 + number}.${index}`;
      sh(`
        ip link add ${worker} netns ${this.balancer} type veth peer name l${index} netns ${worker}
        ip -n ${this.balancer} addr add ${net}.1/30 dev ${worker}
        ip -n ${worker} addr add ${net}.2/30 dev l${index}
        ip -n ${this.balancer} link set ${worker} up
        ip -n ${worker} link set l${index} up
        ip -n ${this.balancer} route add 10.${21 + number}.0.0/16 via ${net}.2
        ip -n ${worker} route add 10.${128 + index}.0.0/16 via ${net}.1`);
    });
  }

  /** The endpoints are the load balancer's own: what no rule takes is refused. @param {number} index */
  #wireBalancer(index) {
    addNamespace(this.balancer);
    sh(`
      ip link add clients netns ${this.balancer} type veth peer name lb netns ${this.client}
      ip -n ${this.client} addr add 192.168.${index}.2/30 dev lb
      ip -n ${this.balancer} addr add 192.168.${index}.1/30 dev clients
      ip -n ${this.client} link set lb up
      ip -n ${this.balancer} link set clients up
      ip -n ${this.client} route add default via 192.168.${index}.1
      ip -n ${this.balancer} route add 10.${128 + index}.0.0/16 via 192.168.${index}.2
      ip -n ${this.balancer} route add local 10.96.0.0/12 dev lo`);
  }

  /** @param {string} size */
  async load(size) {
    const file = fileOf(`${this.variant.name} ${size}`, () => this.variant.text(this.apps));
    this.#proxy = await load(this.balancer, this.variant, file);
    expectAll(300, 'connections were answered', () => this.ask('connect', 16, 300, 3)['ok'] ?? 0);
  }

  /** @param {Mode} mode @param {number} connections @param {number} count @param {number} seconds */
  command(mode, connections, count, seconds) {
    const { ip, port } = this.target;
    const args = [mode, ip, port, this.source, connections, count, seconds, 0].map(String);
    return inside(this.client, [`${PROGRAMS}/client`, ...args]);
  }

  /** @param {Parameters<TcpLab['command']>} args */
  ask(...args) {
    forget(this.balancer);
    return ask(this.command(...args));
  }

  async close() {
    await this.#proxy?.stop();
    removeNamespaces([...new Set([this.client, this.balancer])]);
  }
}
