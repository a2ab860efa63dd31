// The hash by which nftables tells clients apart: jhash() of include/linux/jhash.h (Bob Jenkins' lookup3).

const INITIAL = 0xdeadbeef;
const WORDS = 3;

type State = [a: number, b: number, c: number];

/** The hash of `bytes`, a multiple of four of them, as hosts compute it whose words begin with the lowest byte (x86, ARM). */
export function jhash(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = (INITIAL + bytes.length + seed) >>> 0;
  let state: State = [start, start, start];
  let at = 0;
  for (; bytes.length - at > 4 * WORDS; at += 4 * WORDS) state = mix(plus(state, view, at));
  return final(plus(state, view, at));
}

/** A number below `mod` with the same chance as any other: reciprocal_scale() of include/linux/kernel.h. */
export function scaled(hash: number, mod: number): number {
  return Number((BigInt(hash) * BigInt(mod)) >> 32n);
}

/** Adds the next three words, or what is left of them. */
function plus(state: State, view: DataView, at: number): State {
  return state.map((one, index) => {
    const from = at + 4 * index;
    return from < view.byteLength ? (one + view.getUint32(from, true)) >>> 0 : one;
  }) as State;
}

function rotated(word: number, bits: number): number {
  return ((word << bits) | (word >>> (32 - bits))) >>> 0;
}

/** __jhash_mix */
function mix([a, b, c]: State): State {
  for (const bits of [4, 6, 8, 16, 19, 4]) {
    a = ((a - c) >>> 0) ^ rotated(c, bits);
    [a, b, c] = [b, (c + b) >>> 0, a >>> 0];
  }
  return [a, b, c];
}

/** __jhash_final */
function final([a, b, c]: State): number {
  let last = c;
  for (const bits of [14, 11, 25, 16, 4, 14, 24]) {
    last = (((c ^ b) >>> 0) - rotated(b, bits)) >>> 0;
    [a, b, c] = [b, last, a];
  }
  return last;
}
