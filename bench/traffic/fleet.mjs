// The apps that all variants balance. The one that is asked is the last.

/**
 * @typedef {object} Address
 * @property {string} ip
 * @property {number} port
 *
 * @typedef {object} App
 * @property {string} name
 * @property {string} ip of its endpoint
 * @property {number} port
 * @property {Address[]} destinations
 */

/** Where the workers listen. */
export const WORKER_PORT = 31234;
/** A destination that no app has to begin with. */
export const OTHER_DESTINATION = '10.23.9.9';

/** Three workers have 10.21.0.0/16, 10.22.0.0/16 and 10.23.0.0/16. @param {number} index */
function destination(index) {
  const row = Math.floor(index / 3);
  return `10.${21 + (index % 3)}.${1 + Math.floor(row / 250)}.${1 + (row % 250)}`;
}

/** @param {number} apps @param {number} destinations of each @returns {App[]} */
export function fleet(apps, destinations) {
  return Array.from({ length: apps }, (_, app) => {
    const row = Math.floor(app / 8) + 1;
    const port = app === apps - 1 ? WORKER_PORT : 30_000 + (app % 1200);
    return {
      name: `s${String(app).padStart(5, '0')}`,
      ip: `10.96.${Math.floor(row / 250)}.${(row % 250) + 1}`,
      port: 8000 + (app % 8),
      destinations: Array.from({ length: destinations }, (__, index) => ({ ip: destination(index), port })),
    };
  });
}

/** The app that is asked. @param {readonly App[]} apps @returns {App} */
export function asked(apps) {
  const app = apps.at(-1);
  if (app === undefined) throw new Error('a fleet without an app');
  return app;
}

/** The same with another last destination of the last app. @param {readonly App[]} apps @param {string} ip @returns {App[]} */
export function changed(apps, ip) {
  const app = asked(apps);
  const destinations = [...app.destinations.slice(0, -1), { ip, port: WORKER_PORT }];
  return [...apps.slice(0, -1), { ...app, destinations }];
}
