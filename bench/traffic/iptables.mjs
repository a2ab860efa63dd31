// What the original and kube-proxy give to iptables-restore.
import { asked } from './fleet.mjs';

/** @typedef {import('./fleet.mjs').App} App */

/** @param {readonly string[]} chains @param {readonly string[]} rules */
function restore(chains, rules) {
  return ['*nat', ...chains.map((chain) => `:${chain} - [0:0]`), ...rules, 'COMMIT', ''].join('\n');
}

/** Of those that are left, as xt_statistic is told. @param {number} left @param {number} digits */
function probability(left, digits) {
  return `-m statistic --mode random --probability ${(1 / left).toFixed(digits)}`;
}

/** The original's rules: one of each destination, in two chains an app. @param {readonly App[]} apps */
export function original(apps) {
  const names = apps.flatMap(({ name }) => [`POMALOBA_${name}_DNAT`, `POMALOBA_${name}_MASQ`]);
  const rules = apps.flatMap(({ name, ip, port, destinations }) => [
    `-A PREROUTING -j POMALOBA_${name}_DNAT`,
    ...destinations.map(
      (to, index) =>
        `-A POMALOBA_${name}_DNAT -d ${ip}/32 -p tcp -m tcp --dport ${port} ${probability(destinations.length - index, 5)} -j DNAT --to-destination ${to.ip}:${to.port}`,
    ),
    `-A POSTROUTING -j POMALOBA_${name}_MASQ`,
    ...destinations.map(
      (to) => `-A POMALOBA_${name}_MASQ -d ${to.ip}/32 -p tcp -m tcp --dport ${to.port} -j MASQUERADE`,
    ),
  ]);
  return restore(names, rules);
}

/** The same as the script that the original prints: a command a rule, after those that remove. @param {readonly App[]} apps */
export function originalCommands(apps) {
  const lines = original(apps).split('\n');
  const rules = lines.filter((line) => line.startsWith('-A'));
  const chains = lines
    .filter((line) => line.startsWith(':'))
    .map((line) => line.slice(1).split(' ')[0] ?? '');
  const command = 'iptables-nft -t nat';
  return [
    ...rules.filter((rule) => /^-A P\w+ING /.test(rule)).map((rule) => `${command} -D${rule.slice(2)}`),
    ...chains.flatMap((chain) => [`${command} -F ${chain}`, `${command} -X ${chain}`]),
    ...chains.map((chain) => `${command} -N ${chain}`),
    ...rules.map((rule) => `${command} ${rule}`),
    '',
  ].join('\n');
}

/** @param {App} app @param {number} index of a destination */
function endpointRules({ name, destinations }, index) {
  const to = destinations[index];
  const comment = `-m comment --comment ns/${name}:p`;
  return [
    `-A KUBE-SEP-${name}-${index} ${comment} -s ${to?.ip}/32 -j KUBE-MARK-MASQ`,
    `-A KUBE-SEP-${name}-${index} ${comment} -m tcp -p tcp -j DNAT --to-destination ${to?.ip}:${to?.port}`,
  ];
}

/** @param {App} app */
function serviceRules({ name, destinations }) {
  return destinations.map((to, index) => {
    const left = destinations.length - index;
    const chance = left > 1 ? `${probability(left, 10)} ` : '';
    return `-A KUBE-SVC-${name} -m comment --comment "ns/${name}:p -> ${to.ip}:${to.port}" ${chance}-j KUBE-SEP-${name}-${index}`;
  });
}

/** kube-proxy's iptables mode, for load balancer addresses. @param {readonly App[]} apps */
export function kubeProxy(apps) {
  const chains = apps.flatMap(({ name, destinations }) => [
    `KUBE-SVC-${name}`,
    `KUBE-EXT-${name}`,
    ...destinations.map((_, index) => `KUBE-SEP-${name}-${index}`),
  ]);
  const rules = apps.flatMap((app) => [
    `-A KUBE-SERVICES -m comment --comment "ns/${app.name}:p loadbalancer IP" -m tcp -p tcp -d ${app.ip}/32 --dport ${app.port} -j KUBE-EXT-${app.name}`,
    `-A KUBE-EXT-${app.name} -m comment --comment "masquerade traffic for ns/${app.name}:p external destinations" -j KUBE-MARK-MASQ`,
    `-A KUBE-EXT-${app.name} -j KUBE-SVC-${app.name}`,
    ...serviceRules(app),
    ...app.destinations.flatMap((_, index) => endpointRules(app, index)),
  ]);
  return restore(
    ['KUBE-SERVICES', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ', ...chains],
    [
      '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
      '-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000',
      '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
      '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
      '-A PREROUTING -j KUBE-SERVICES',
      '-A POSTROUTING -j KUBE-POSTROUTING',
      ...rules,
    ],
  );
}

/** Its partial synchronization after the last destination of the last app has changed. @param {readonly App[]} apps */
export function kubeProxyChange(apps) {
  const app = asked(apps);
  const last = app.destinations.length - 1;
  return restore(
    [`KUBE-SVC-${app.name}`, `KUBE-SEP-${app.name}-${last}`],
    [...serviceRules(app), ...endpointRules(app, last)],
  );
}
