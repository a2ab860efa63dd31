// Settings of nftlb, HAProxy and nginx.

/** @typedef {import('./fleet.mjs').App} App */

/** Its mode `snat`: DNAT and masquerading. @param {readonly App[]} apps */
export function nftlb(apps) {
  const farms = apps.map(({ name, ip, port, destinations }) => ({
    name,
    family: 'ipv4',
    'virtual-addr': ip,
    'virtual-ports': String(port),
    mode: 'snat',
    protocol: 'tcp',
    scheduler: 'weight',
    state: 'up',
    backends: destinations.map((to, index) => ({
      name: `b${index}`,
      'ip-addr': to.ip,
      port: String(to.port),
      weight: '1',
      priority: '1',
      state: 'up',
    })),
  }));
  return JSON.stringify({ farms });
}

/** @param {readonly App[]} apps @param {number} threads */
export function haproxy(apps, threads) {
  const lines = apps.flatMap(({ name, ip, port, destinations }) => [
    `listen ${name}`,
    `  bind ${ip}:${port}`,
    '  balance roundrobin',
    ...destinations.map((to, index) => `  server b${index} ${to.ip}:${to.port}`),
  ]);
  const timeouts = ['connect 5s', 'client 60s', 'server 60s'].map((timeout) => `  timeout ${timeout}`);
  return [
    'global',
    `  nbthread ${threads}`,
    '  maxconn 8000',
    'defaults',
    '  mode tcp',
    ...timeouts,
    ...lines,
    '',
  ].join('\n');
}

/** @param {readonly App[]} apps @param {number} workers @param {string} root where it is unpacked */
export function nginx(apps, workers, root) {
  const servers = apps.map(
    ({ name, ip, port, destinations }) =>
      `upstream ${name} { ${destinations.map((to) => `server ${to.ip}:${to.port};`).join(' ')} }
server { listen ${ip}:${port} backlog=65535 reuseport; proxy_pass ${name}; }`,
  );
  return `load_module ${root}/usr/lib/nginx/modules/ngx_stream_module.so;
user root;
worker_processes ${workers};
worker_rlimit_nofile 20000;
error_log stderr crit;
pid nginx.pid;
daemon off;
events { worker_connections 8192; multi_accept on; }
stream {
access_log off;
proxy_connect_timeout 5s;
${servers.join('\n')}
}
`;
}
