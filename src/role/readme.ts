// What the README of a role tells about its apps, as finished text.
import type { View } from '../view/view.js';

type Pool = View['pomaloba_apps'][number]['pools'][number];

/** Endpoints and destinations beyond this are counted: a table is for people. */
const MOST_LISTED = 8;
/** A picture of more apps is none. */
const MOST_PICTURED = 8;

export interface AppText {
  readonly app: string;
  readonly pools: readonly PoolText[];
}

interface PoolText {
  /** A name for the picture. */
  readonly id: string;
  readonly endpoint_text: string;
  readonly destination_text: string;
  readonly share_text: string;
}

/** The apps of `view` for tables. */
export function appTexts({ pomaloba_apps }: View): AppText[] {
  return pomaloba_apps.map(({ app, pools }, index) => ({
    app,
    pools: pools.map((pool, part) => poolText(pool, `app${index + 1}${String.fromCharCode(97 + part)}`)),
  }));
}

/** The apps that a picture shows. */
export function pictured(apps: readonly AppText[]): readonly AppText[] {
  return apps.slice(0, MOST_PICTURED);
}

function poolText({ endpoints, destinations }: Pool, id: string): PoolText {
  const targets = destinations.map(({ target }) => target);
  return {
    id,
    endpoint_text: list(
      endpoints.map(({ socket, protocol }) => (protocol === 'tcp' ? socket : `${socket} (${protocol})`)),
    ),
    destination_text: targets.length === 0 ? 'rejected' : list(targets),
    share_text:
      targets.length === 0
        ? 'none: every connection is rejected'
        : list(destinations.map(({ target, share }) => `${target} (${share})`)),
  };
}

function list(texts: readonly string[]): string {
  const more = texts.length - MOST_LISTED;
  return [...texts.slice(0, MOST_LISTED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
