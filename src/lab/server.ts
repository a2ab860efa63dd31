// A worker's service: node server.js PORT... Says on each connection who was reached by whom, then echoes.
import { createServer, type Server, type Socket } from 'node:net';
import type { Greeting } from './traffic.js';

/** Node's own 511 would be too few for a test that opens thousands at once; the kernel cuts it to somaxconn. */
const BACKLOG = 4096;

/** The address of an IPv4 connection to a socket that takes both families, without its `::ffff:`. */
function canonical(address = ''): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/, '');
}

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

process.stdin.resume().on('end', () => process.exit());
try {
  await Promise.all(process.argv.slice(2).map((port) => listen(Number(port))));
  process.stdout.write('ready\n');
} catch (cause) {
  process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exit(1);
}
