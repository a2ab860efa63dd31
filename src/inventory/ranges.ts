// Names of hosts as inventories write them: `lb[01:03]`, `lb1:2222`, `[2001:db8::1]:2222`.

/** More hosts than this of one pattern are not looked at. */
const MOST_HOSTS = 10_000;
const RANGE = /\[(\d+):(\d+)(?::(\d+))?\]|\[([a-z]):([a-z])\]/;

export interface NamedHost {
  readonly name: string;
  readonly port: number | undefined;
}

/** The hosts that `pattern` stands for. */
export function expandHosts(pattern: string): NamedHost[] {
  const [, bracketed, bracketedPort] =
    /^\[([0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)\](?::(\d+))?$/.exec(pattern) ?? [];
  if (bracketed !== undefined) return [named(bracketed, bracketedPort)];
  const [, plain = pattern, port] = /^((?:[^:[\]]|\[[^\]]*\])+):(\d+)$/.exec(pattern) ?? [];
  return expand(plain).map((name) => named(name, port));
}

function named(name: string, port: string | undefined): NamedHost {
  return { name, port: port === undefined ? undefined : Number(port) };
}

function expand(pattern: string): string[] {
  let names = [pattern];
  while (names.length < MOST_HOSTS) {
    const [range, from, to, step = '1', first, last] = RANGE.exec(names[0] ?? '') ?? [];
    if (range === undefined) return names;
    const values =
      from !== undefined && to !== undefined
        ? numbers(from, to, Number(step))
        : letters(first ?? 'a', last ?? 'a');
    if (values.length * names.length > MOST_HOSTS) return [];
    names = names.flatMap((name) => values.map((value) => name.replace(RANGE, value)));
  }
  return [];
}

function numbers(from: string, to: string, step: number): string[] {
  const count = Math.floor((Number(to) - Number(from)) / Math.max(1, step)) + 1;
  if (!(count > 0 && count <= MOST_HOSTS)) return [];
  // A leading zero asks for as many digits.
  return Array.from({ length: count }, (_, index) =>
    String(Number(from) + index * Math.max(1, step)).padStart(from.length, '0'),
  );
}

function letters(first: string, last: string): string[] {
  const [from, to] = [first.charCodeAt(0), last.charCodeAt(0)];
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => String.fromCharCode(from + index));
}
