// Specs of any size.
const DESTINATIONS = 10;

/** @param {readonly import('./traffic/fleet.mjs').App[]} apps documents of one file */
export function textOf(apps) {
  return apps
    .map(({ name, ip, port, destinations }) => {
      const lines = destinations.map((one) => `  - { ip: ${one.ip}, port: ${one.port} }\n`);
      return `---\npomaloba: 1\napp: ${name}\nendpoints:\n  - { ip: ${ip}, port: ${port} }\ndestinations:\n${lines.join('')}`;
    })
    .join('');
}

/** As many apps, each with an endpoint and as many destinations. @param {number} count */
export function specs(count, destinations = DESTINATIONS) {
  return textOf(
    Array.from({ length: count }, (_, app) => {
      const [high, low] = [app >> 8, app & 255];
      const port = 30_000 + high;
      return {
        ...{ name: `app${app}`, ip: `10.100.${high}.${low}`, port: 80 },
        destinations: Array.from({ length: destinations }, (__, index) => ({
          ip: `10.0.${index}.${low}`,
          port,
        })),
      };
    }),
  );
}
