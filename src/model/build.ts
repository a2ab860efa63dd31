// From validated specs to the model.
import type { Destination as SpecDestination, Spec } from '../generated/spec.js';
import { type Address, parseAddress } from './address.js';
import { type AddressRange, parseAddressRange } from './address-range.js';
import { secondsOf } from './duration.js';
import { buildCheck, buildHealth, onEmptyOf } from './health.js';
import { type App, type Destination, protocolsOf, type Ruleset } from './model.js';
import { type Network, parseNetwork } from './network.js';
import { parsePorts, type Ports } from './ports.js';

/** As Kubernetes has it (service.spec.sessionAffinityConfig.clientIP.timeoutSeconds). */
const DEFAULT_AFFINITY = '3h';

/** The ruleset `name` of all apps in `specs`, in their order. The specs must be valid. */
export function buildRuleset(name: string, specs: readonly Spec[]): Ruleset {
  return { name, apps: specs.map(buildApp) };
}

/** The app of a valid spec. */
export function buildApp(spec: Spec): App {
  const onEmpty = onEmptyOf(spec);
  const health = buildHealth(spec, onEmpty);
  return {
    name: spec.app,
    endpoints: spec.endpoints.flatMap(({ ip, port, protocol = 'tcp' }) =>
      protocolsOf(protocol).map((one) => ({ address: valid(ip), ports: validPorts(port), protocol: one })),
    ),
    destinations: spec.destinations.map((destination) => buildDestination(spec, destination)),
    scheduler: spec.scheduler ?? 'random',
    onEmpty,
    ...(health === undefined ? {} : { health }),
    clampsMss: spec.mss === 'clamp',
    ...(spec.affinity === undefined
      ? {}
      : { affinity: secondsOf(spec.affinity.client_ip.timeout ?? DEFAULT_AFFINITY) }),
    limits: {
      connectionsPerClient: spec.limits?.connections_per_client,
      newPerSecond: spec.limits?.new_per_second,
      newPerSecondPerClient: spec.limits?.new_per_second_per_client,
    },
    ...(spec.allow_from === undefined ? {} : { allowFrom: spec.allow_from.map(validNetwork) }),
    clientAddress: spec.client_address ?? 'masquerade',
    destinationNetworks: (spec.destination_networks ?? []).map(validNetwork),
    snat: (spec.snat ?? []).map(validRange),
  };
}

function buildDestination({ health_check }: Spec, destination: SpecDestination): Destination {
  const { ip, port, weight = 1, backup = false } = destination;
  const check = buildCheck(health_check, destination);
  return {
    address: valid(ip),
    weight,
    isBackup: backup,
    ...(port === undefined ? {} : { port }),
    ...(check === undefined ? {} : { check }),
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

function validRange(text: string): AddressRange {
  const range = parseAddressRange(text);
  if (typeof range === 'string') throw new TypeError(`not validated: ${text} is no range of addresses`);
  return range;
}

function validPorts(port: number | string): Ports {
  const ports = parsePorts(port);
  if (typeof ports !== 'object') throw new TypeError(`not validated: ${port} is no port`);
  return ports;
}
