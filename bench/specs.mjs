// Specs of any size.
const DESTINATIONS = 10;

/** As many apps, each with an endpoint and as many destinations, as documents of one file. @param {number} count */
export function specs(count, destinations = DESTINATIONS) {
  return Array.from({ length: count }, (_, app) => {
    const [high, low] = [app >> 8, app & 255];
    const lines = Array.from(
      { length: destinations },
      (__, index) => `  - { ip: 10.0.${index}.${low}, port: ${30_000 + high} }\n`,
    );
    return `---\npomaloba: 1\napp: app${app}\nendpoints:\n  - { ip: 10.100.${high}.${low}, port: 80 }\ndestinations:\n${lines.join('')}`;
  }).join('');
}
