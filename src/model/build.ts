// From validated specs to the model.
import type { Spec } from '../generated/spec.js';
import { type Address, parseAddress } from './address.js';
import type { App, Ruleset } from './model.js';
import { type Network, parseNetwork } from './network.js';

/** The ruleset `name` of all apps in `specs`, in their order. The specs must be valid. */
export function buildRuleset(name: string, specs: readonly Spec[]): Ruleset {
  return { name, apps: specs.map(buildApp) };
}

function buildApp(spec: Spec): App {
  return {
    name: spec.app,
    endpoints: spec.endpoints.map(({ ip, port }) => ({
      address: valid(ip),
      port: definite(port),
      protocol: 'tcp',
    })),
    destinations: spec.destinations.map(({ ip, port, weight = 1 }) => ({
      address: valid(ip),
      port: definite(port),
      weight,
    })),
    scheduler: spec.scheduler === 'round-robin' ? 'round-robin' : 'random',
    ...(spec.allow_from === undefined ? {} : { allowFrom: spec.allow_from.map(validNetwork) }),
  };
}

function valid(ip: string): Address {
  const address = parseAddress(ip);
  if (typeof address === 'string') throw new TypeError(`not validated: ${ip} is no address`);
  return address;
}

function validNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (typeof network === 'string') throw new TypeError(`not validated: ${text} is no network`);
  return network;
}

function definite(port: number | string | undefined): number {
  if (typeof port !== 'number') throw new TypeError(`not validated: ${String(port)} is no port`);
  return port;
}
