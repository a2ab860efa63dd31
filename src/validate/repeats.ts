// What is there twice: the idea behind every problem of that kind.

/** Each item whose key an earlier item has, with the first such item. Items without a key repeat nothing. */
export function repeats<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
): { readonly key: string; readonly again: T; readonly first: T }[] {
  const firsts = new Map<string, T>();
  return items.flatMap((item) => {
    const key = keyOf(item);
    if (key === undefined) return [];
    const first = firsts.get(key);
    if (first !== undefined) return [{ key, again: item, first }];
    firsts.set(key, item);
    return [];
  });
}
