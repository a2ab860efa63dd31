// A worker's services that answer when they are asked: node service.js. The first line of standard input says which, as JSON;
// each further one is an address whose services are stopped.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { canonical, type Greeting, type Service } from './traffic.js';

/** Ends a service and its connections. */
type Stop = () => void;

async function tcp({ ip, port }: Service): Promise<Stop> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const { remoteAddress, remotePort = 0 } = socket;
    const greeting: Greeting = { ip, port, from: canonical(remoteAddress), fromPort: remotePort };
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    // A reset is how the lab's client ends a connection: nothing to report.
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true).once('data', () => socket.write(`${JSON.stringify(greeting)}\n`));
  });
  await once(server.listen({ port, host: ip }), 'listening');
  return () => {
    server.close();
    for (const socket of open) socket.resetAndDestroy();
  };
}

async function udp({ ip, port }: Service): Promise<Stop> {
  const isIPv6 = ip.includes(':');
  const socket = createSocket({ type: isIPv6 ? 'udp6' : 'udp4', ...(isIPv6 && { ipv6Only: true }) });
  socket.on('message', (_, { address: from, port: fromPort }) => {
    const greeting: Greeting = { ip, port, from, fromPort };
    socket.send(`${JSON.stringify(greeting)}\n`, fromPort, from);
  });
  await once(socket.bind(port, ip), 'listening');
  return () => {
    socket.close();
  };
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
try {
  const services = JSON.parse(String((await lines.next()).value)) as readonly Service[];
  const running = await Promise.all(
    services.map(async (one) => ({ ip: one.ip, stop: await (one.protocol === 'udp' ? udp : tcp)(one) })),
  );
  process.stdout.write('ready\n');
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
    for (const { ip, stop } of running) if (ip === line.value) stop();
    process.stdout.write('stopped\n');
  }
  process.exit();
} catch (cause) {
  process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exit(1);
}
