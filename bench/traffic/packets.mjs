// What the first packet of a connection costs the load balancer: an injector sends SYNs into it, and what it sends on is
// counted by an interface that throws it away. Milliseconds of real load would hide what is microseconds here.
import { expectAll, inRounds } from '../rounds.mjs';
import { median, shuffled } from '../statistics.mjs';
import { asked, fleet } from './fleet.mjs';
import { fileOf, isThere, load } from './load.mjs';
import {
  addNamespace,
  ask,
  forget,
  inside,
  LAST_CPU,
  PROGRAMS,
  removeNamespaces,
  sh,
} from './namespaces.mjs';
import { packetFilters } from './variants.mjs';

/** @typedef {import('./fleet.mjs').App} App */
/** @typedef {import('./variants.mjs').Variant} Variant */

const MAC = '02:00:00:00:00:01';
/** Of nobody: the sender's own cost. */
const OTHER_MAC = '02:00:00:00:00:99';
/** Apps × destinations. */
const SIZES = /** @type {const} */ ([
  [1, 3],
  [1, 50],
  [1, 500],
  [100, 3],
  [1000, 3],
  [5000, 3],
]);

/** An injector, and a load balancer that it is wired to. */
class Injector {
  /** @param {number} index @param {Variant} variant @param {App[]} apps */
  constructor(index, variant, apps) {
    this.variant = variant;
    const app = asked(apps);
    const [destination] = app.destinations;
    this.target = variant.kind === 'nothing' && destination ? destination : app;
    this.outside = `i${index}`;
    this.balancer = `m${index}`;
    addNamespace(this.outside);
    addNamespace(this.balancer);
    sh(`
      ip link add in netns ${this.balancer} type veth peer name out netns ${this.outside}
      ip -n ${this.outside} link set out up
      lb="ip -n ${this.balancer}"
      $lb link set in address ${MAC}
      $lb addr add 192.168.1.1/30 dev in
      $lb link set in up
      $lb link add sink type ifb 2>/dev/null || $lb link add sink type dummy
      $lb link set sink txqueuelen 0
      $lb link set sink up
      nsenter --net=/run/netns/${this.balancer} tc qdisc replace dev sink root noqueue
      $lb addr add 172.20.0.1/30 dev sink
      $lb route add 10.20.0.0/14 dev sink
      $lb route add 10.128.0.0/9 via 192.168.1.2`);
  }

  /** @param {number} count @param {number} seconds at most @param {string} [mac] */
  send(count, seconds, mac = MAC) {
    const { ip, port } = this.target;
    const args = ['out', mac, '10.128.0.1', ip, port, count, seconds, LAST_CPU].map(String);
    return ask(inside(this.outside, [`${PROGRAMS}/inject`, ...args]));
  }

  /** Packets that were sent on; an interface of type ifb drops them. */
  arrived() {
    const [, text = ''] = sh(`nsenter --net=/run/netns/${this.balancer} cat /proc/net/dev`).split('sink:');
    const [, , , dropped = 0, , , , , , sent = 0, , unsent = 0] = text.trim().split(/\s+/).map(Number);
    return dropped + sent + unsent;
  }

  /** Throws unless all of it is sent on. */
  verify() {
    expectAll(300, 'packets came through', () => {
      const before = this.arrived();
      this.send(300, 2);
      this.forget();
      return this.arrived() - before;
    });
  }

  forget() {
    forget(this.balancer);
  }

  close() {
    removeNamespaces([this.outside, this.balancer]);
  }
}

/**
 * An injector with its variant loaded and verified.
 * @param {number} index @param {Variant} variant @param {App[]} apps @param {string} size
 */
export async function injectorOf(index, variant, apps, size) {
  const lab = new Injector(index, variant, apps);
  await load(
    lab.balancer,
    variant,
    fileOf(`${variant.name} ${size}`, () => variant.text(apps)),
  );
  lab.verify();
  return lab;
}

/** @param {import('./inside.mjs').Out} out @param {boolean} quick */
export async function packets(out, quick) {
  for (const [apps, destinations] of quick ? SIZES.slice(0, 1) : SIZES)
    await measureSize(out, apps, destinations, quick);
}

/** @param {import('./inside.mjs').Out} out @param {number} count @param {number} destinations @param {boolean} quick */
async function measureSize(out, count, destinations, quick) {
  const size = `${count} × ${destinations}`;
  process.stderr.write(`bench: packets, ${size}\n`);
  const apps = fleet(count, destinations);
  /** @type {Injector[]} */
  const labs = [];
  for (const [index, variant] of packetFilters().entries()) {
    if (!isThere(variant) || count > (variant.most ?? Infinity)) continue;
    try {
      labs.push(await injectorOf(index, variant, apps, size));
    } catch (reason) {
      out.note(
        `packets, ${size}: ${variant.name} was left out: ${String(reason).split('\n')[0]?.slice(0, 200)}`,
      );
    }
  }
  const many = quick ? 2000 : 30_000;
  inRounds(quick ? 1 : 5, 20, () => {
    const own = [1, 2, 3].map(() => labs[0]?.send(many, 1, OTHER_MAC)['cpu'] ?? NaN);
    for (const lab of shuffled(labs)) {
      const { cpu = NaN } = lab.send(many, 0.25);
      lab.forget();
      const value = Math.max(0, cpu - median(own)) / 1000;
      out.sample({ table: 'packets', column: size, variant: lab.variant.name, unit: 'µs', value });
    }
  });
  for (const lab of labs) lab.close();
}
