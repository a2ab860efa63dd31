// Keys of YAML mappings as the keys of plain objects that they become.
import { isScalar, type Pair, type YAMLMap } from 'yaml';

/** Looking a key up in a YAMLMap takes a walk over it: too long when each of 100,000 keys is a problem. */
const indexes = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

/** The key that `toJS` makes of `key`; undefined if it is not a scalar. */
export function keyText(key: unknown): string | undefined {
  if (!isScalar<string | number | boolean | null>(key)) return undefined;
  return key.value === null ? '' : String(key.value);
}

/** The entry of `map` that the plain object has under `key`. */
export function pairOf(map: YAMLMap, key: string): Pair | undefined {
  let index = indexes.get(map);
  if (!index) {
    index = new Map(map.items.map((pair) => [keyText(pair.key) ?? '', pair]));
    indexes.set(map, index);
  }
  return index.get(key);
}
