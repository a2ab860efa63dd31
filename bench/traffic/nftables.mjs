// The floor, the flat map and kube-proxy's shape, for nft; and what replaces the elements of the maps of any ruleset.
import { asked } from './fleet.mjs';

/** @typedef {import('./fleet.mjs').App} App */

/** @param {string} name @param {string} body */
function table(name, body) {
  return `table ip ${name}\ndelete table ip ${name}\ntable ip ${name} {\n${body}}\n`;
}

/** @param {'prerouting' | 'postrouting'} hook @param {string} rules */
function chain(hook, rules) {
  const priority = hook === 'prerouting' ? 'dstnat' : 'srcnat';
  return `chain ${hook} {\n type nat hook ${hook} priority ${priority}; policy accept;\n ${rules}\n}\n`;
}

const MASQUERADE = chain('postrouting', 'ct status dnat masquerade');

/** One fixed DNAT of the app that is asked, and masquerading. @param {readonly App[]} apps */
export function fixed(apps) {
  const { ip, port, destinations } = asked(apps);
  const [to] = destinations;
  const rule = `ip daddr ${ip} tcp dport ${port} dnat to ${to?.ip}:${to?.port}`;
  return table('bench', chain('prerouting', rule) + MASQUERADE);
}

/** @param {readonly App[]} apps */
function elements(apps) {
  return apps
    .flatMap(({ ip, port, destinations }) =>
      destinations.map((to, slot) => `${ip} . ${port} . ${slot} : ${to.ip} . ${to.port}`),
    )
    .join(',\n');
}

/**
 * One map of endpoint and slot: the shape that loads fastest. All apps have as many destinations.
 * @param {readonly App[]} apps
 */
export function flatMap(apps) {
  const slots = asked(apps).destinations.length;
  const key = `ip daddr . tcp dport . numgen random mod ${slots}`;
  const map = `map slots {\n typeof ${key} : ip daddr . tcp dport\n elements = {\n${elements(apps)}\n}\n}\n`;
  return table('bench', map + chain('prerouting', `dnat ip to ${key} map @slots`) + MASQUERADE);
}

/** The last destination of the last app is another one now. @param {readonly App[]} apps */
export function flatMapChange(apps) {
  const { ip, port, destinations } = asked(apps);
  const slot = destinations.length - 1;
  const to = destinations[slot];
  return `delete element ip bench slots { ${ip} . ${port} . ${slot} }\nadd element ip bench slots { ${ip} . ${port} . ${slot} : ${to?.ip} . ${to?.port} }\n`;
}

/** @param {App} app */
function kubeProxyApp({ name, destinations }) {
  const targets = destinations.map((_, index) => `${index} : goto endpoint-${name}-${index}`).join(', ');
  return [
    `chain external-${name} {\n jump mark-for-masquerade\n goto service-${name}\n}`,
    ...destinations.map(
      ({ ip, port }, index) =>
        `chain endpoint-${name}-${index} {\n ip saddr ${ip} jump mark-for-masquerade\n meta l4proto tcp dnat to ${ip}:${port}\n}`,
    ),
    `chain service-${name} {\n numgen random mod ${destinations.length} vmap { ${targets} }\n}\n`,
  ].join('\n');
}

/** kube-proxy's nftables mode, for load balancer addresses. @param {readonly App[]} apps */
export function kubeProxy(apps) {
  const key = 'type ipv4_addr . inet_proto . inet_service : verdict';
  const services = apps
    .map(({ name, ip, port }) => `${ip} . tcp . ${port} : goto external-${name}`)
    .join(',\n');
  const forward = [
    'type filter hook forward priority -110; policy accept;',
    'ct state new jump service-endpoints-check',
    'ct state new jump cluster-ips-check',
  ].join('\n ');
  const masquerading =
    'meta mark & 0x4000 == 0 return\n meta mark set meta mark ^ 0x4000\n masquerade fully-random';
  return table(
    'kube-proxy',
    `chain mark-for-masquerade {\n meta mark set meta mark | 0x4000\n}
chain masquerading {\n ${masquerading}\n}
${apps.map(kubeProxyApp).join('')}map no-endpoint-services {\n ${key}\n}
set cluster-ips {\n type ipv4_addr\n}
map service-ips {\n ${key}\n elements = { ${services} }\n}
chain services {\n ip daddr . meta l4proto . th dport vmap @service-ips\n}
chain service-endpoints-check {\n ip daddr . meta l4proto . th dport vmap @no-endpoint-services\n}
chain cluster-ips-check {\n ip daddr @cluster-ips drop\n}
chain filter-forward {\n ${forward}\n}
${chain('prerouting', 'jump services')}${chain('postrouting', 'jump masquerading')}`,
  );
}

/** @param {readonly App[]} apps */
export function kubeProxyChange(apps) {
  const { name, destinations } = asked(apps);
  const index = destinations.length - 1;
  const to = destinations[index];
  const where = `ip kube-proxy endpoint-${name}-${index}`;
  return `flush chain ${where}\nadd rule ${where} ip saddr ${to?.ip} jump mark-for-masquerade\nadd rule ${where} meta l4proto tcp dnat to ${to?.ip}:${to?.port}\n`;
}

/**
 * What replaces the elements of the named maps of a ruleset and nothing else, in one transaction; for maps that the ruleset
 * fills as it declares them, and for those that it adds elements to. Undefined if it has no named map.
 * @param {string} ruleset
 */
export function onlyElements(ruleset) {
  const text = ruleset.replaceAll(/^\s*#.*$/gm, '');
  const added = [...text.matchAll(/^add element (\S+ \S+ \S+) (\{[^}]*\})/gm)];
  const maps = new Set([...text.matchAll(/^add map (\S+ \S+ \S+) /gm)].map(([, name]) => name));
  /** @type {[string, string][]} */
  const found = added.flatMap(([, name = '', list = '']) => (maps.has(name) ? [[name, list]] : []));
  let table = '';
  const words = /^(?:add )?table (\S+ \S+) \{|^\s*map (\S+) \{[^{}]*elements = (\{[^}]*\})/gm;
  for (const [, opened, name, list] of text.matchAll(words))
    if (name !== undefined && list !== undefined) found.push([`${table} ${name}`, list]);
    else table = opened ?? table;
  if (found.length === 0) return undefined;
  return found.map(([name, list]) => `flush map ${name}\nadd element ${name} ${list}\n`).join('');
}
