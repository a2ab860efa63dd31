// A worker's service: node server.js PROTOCOL PORT... Says on each connection who was reached by whom, then echoes; with
// udp it answers each datagram.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { canonical, type Greeting } from './traffic.js';

/** Node's own 511 would be too few for a test that opens thousands at once; the kernel cuts it to somaxconn. */
const BACKLOG = 4096;

function serve(socket: Socket): void {
  const { localAddress, localPort = 0, remoteAddress, remotePort = 0 } = socket;
  // A reset is how the lab's client ends a connection: nothing to report.
  socket.on('error', () => socket.destroy());
  const greeting: Greeting = {
    ip: canonical(localAddress),
    port: localPort,
    from: canonical(remoteAddress),
    fromPort: remotePort,
  };
  socket.setNoDelay(true).write(`${JSON.stringify(greeting)}\n`);
  socket.pipe(socket);
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(serve).once('error', reject);
    server.listen({ port, host: '::', ipv6Only: false, backlog: BACKLOG }, () => {
      resolve(server);
    });
  });
}

/** One for each address: an answer has to come from the one that was asked (udp(7)). */
async function answer(port: number): Promise<void> {
  const infos = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const reachable = infos.filter(({ scopeid }) => !scopeid);
  await Promise.all(
    reachable.map(async ({ address, family }) => {
      const socket = createSocket(family === 'IPv6' ? 'udp6' : 'udp4');
      socket.on('message', (_, { address: from, port: fromPort }) => {
        const greeting: Greeting = { ip: address, port, from, fromPort };
        socket.send(`${JSON.stringify(greeting)}\n`, fromPort, from);
      });
      await once(socket.bind(port, address), 'listening');
    }),
  );
}

process.stdin.resume().on('end', () => process.exit());
try {
  const [protocol, ...ports] = process.argv.slice(2);
  await Promise.all(ports.map((port) => (protocol === 'udp' ? answer : listen)(Number(port))));
  process.stdout.write('ready\n');
} catch (cause) {
  process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exit(1);
}
