// A lab in which a firewall of the load balancer decides about what is forwarded, and who gets answers there.
import { createLab, type Lab } from '../../src/lab/lab.js';
import { LB } from '../../src/lab/topology.js';
import { nameOf, type ProbeRequest, type Target } from '../../src/lab/traffic.js';
import { ENDPOINT_IPS, WORKER_IPS } from './firewalls.js';

/** What is balanced, as `spec` has it. */
export const ENDPOINTS = [80, 8005].flatMap((port) => ENDPOINT_IPS.map((ip) => ({ ip, port })));
/** What is forwarded besides. */
export const DESTINATIONS = WORKER_IPS.map((ip) => ({ ip, port: 80 }));
export const PROTOCOLS = ['tcp', 'udp'] as const;

/** One worker, which can answer everyone: what gets no answer was dropped on its way. */
export async function forwardingLab(): Promise<Lab> {
  const lab = await createLab({ endpointAddresses: [], workers: [{ name: 'w1', addresses: WORKER_IPS }] });
  await lab.exec('w1', ['ip', 'route', 'add', '198.18.1.0/24', 'via', LB.toWorkers.ipv4]);
  await lab.exec('w1', ['ip', 'route', 'add', 'fd18:1::/64', 'via', LB.toWorkers.ipv6]);
  await lab.forward();
  for (const protocol of PROTOCOLS) await lab.listen('w1', [80, 8005], protocol);
  return lab;
}

/** Who of `targets` answers the client: `yes`, or why not. */
export async function answers(
  lab: Lab,
  targets: readonly Target[],
  settings: Partial<ProbeRequest> = {},
): Promise<string[]> {
  const report = await lab.probe('client', { targets, connections: 3, timeoutMs: 400, ...settings });
  return targets.map((target) => {
    const { destinations = {}, errors = {} } = report[nameOf(target)] ?? {};
    return Object.values(destinations)[0] === 3 ? 'yes' : Object.keys(errors).join();
  });
}
