// What only iptables is about: rulesets of thousands of apps in one script.
import { expect, test } from 'vitest';
import { createLab } from '../../src/lab/lab.js';
import { BACKENDS, load, remove, rulesOf } from '../support/backends.js';
import { viewOf } from '../support/rulesets.js';

const legacy = BACKENDS.filter(({ name }) => name === 'iptables script (legacy)');

// Legacy, as in a user namespace the other one cannot send so many rules (see LabPlan).
test.each(legacy)('8,000 apps load and go', async (backend) => {
  await using lab = await createLab({ endpointAddresses: [], workers: [] });
  const apps = [...Array(8000).keys()].map((index) => ({
    pomaloba: 1,
    app: `application-number-${index}`,
    endpoints: [{ ip: `10.${index >> 8}.${index & 255}.1`, port: 80 }],
    destinations: [{ ip: '198.51.100.1', port: 30_080 }],
  }));
  const view = viewOf(apps.map((app) => `---\n${JSON.stringify(app)}\n`).join(''));
  await load(lab, backend, view);
  expect((await rulesOf(lab, backend)).match(/-j DNAT/g)).toHaveLength(8000);
  await remove(lab, backend, view);
  expect(await rulesOf(lab, backend)).not.toContain('PMLB');
});
