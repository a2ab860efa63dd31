// Runs inside of new network, mount and process namespaces (see traffic.mjs): whatever it starts ends with it. Prints a
// line of JSON for each sample and note.
import { blast } from './blast.mjs';
import { loads } from './loads.mjs';
import { sh } from './namespaces.mjs';
import { packets } from './packets.mjs';
import { reloads } from './reloads.mjs';
import { tcp } from './tcp.mjs';

/** @typedef {import('../report.mjs').Sample} Sample */

const PARTS = { packets, tcp, loads, reloads, blast };

/**
 * @typedef {object} Out
 * @property {(sample: Sample) => void} sample
 * @property {(text: string) => void} note
 */

/** @param {object} line */
function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const [quick = '', ...names] = process.argv.slice(2);
// Namespaces, locks and files go with this mount. The /proc of all processes stays, for the kernel's threads.
sh('mount -t tmpfs bench /run; mkdir /run/netns /run/proc; mount -t proc bench /run/proc');
for (const name of names) {
  const measure = Object.entries(PARTS).find(([part]) => part === name)?.[1];
  process.stderr.write(`bench: ${name}\n`);
  await measure?.(
    {
      sample: (sample) => {
        print(sample);
      },
      note: (text) => {
        print({ note: text });
      },
    },
    quick === 'quick',
  );
}
process.exit();
