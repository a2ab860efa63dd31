// Lists longer than any spec's, cut before the schema looks at them: it says several things about each of the
// hundred thousand wrong entries that fit into a file, and nobody reads the second thousand.
import type { ErrorObject } from 'ajv';

/** One more than the longest list that the schema allows, so that it still finds the list too long. */
const LONGEST = 1025;
/** The schema looks no deeper: /destinations/0/health_check/http/status/0. */
const DEPTH = 6;

/** `data` with its lists cut, and for each cut list the fault of being too long, as ajv would word it. */
export function cutLists(data: unknown): { data: unknown; long: ErrorObject[] } {
  const long: ErrorObject[] = [];
  const cut = (value: unknown, path: string, depth: number): unknown => {
    if (depth === 0 || typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      if (value.length > LONGEST) long.push(tooLong(path));
      return value.slice(0, LONGEST).map((item: unknown, index) => cut(item, `${path}/${index}`, depth - 1));
    }
    const cutEntry = ([key, item]: [string, unknown]): [string, unknown] => [
      key,
      cut(item, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth - 1),
    ];
    return Object.fromEntries(Object.entries(value).map(cutEntry));
  };
  return { data: cut(data, '', DEPTH), long };
}

function tooLong(instancePath: string): ErrorObject {
  return { instancePath, keyword: 'maxItems', schemaPath: '', params: { limit: LONGEST - 1 } };
}
