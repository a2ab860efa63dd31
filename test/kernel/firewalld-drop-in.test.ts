// The role's drop-in for firewalld.service loads the rules again after it has flushed them, and not while it does.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { inLb, load, SCRIPTS } from '../support/backends.js';
import { NFT_SCRIPT, spec } from '../support/firewalls.js';
import { answers, ENDPOINTS, forwardingLab } from '../support/forwarded.js';
import { expectPackages, launchFirewalld, withPackages } from '../support/packaged.js';

const VARS = join(import.meta.dirname, '../../roles-templates/role/vars/main.yml');
/** When systemd takes a service for started whose Type is dbus. */
const HAS_NAME = `until /usr/bin/python3 - <<'PYTHON'
import dbus, sys
sys.exit(not dbus.SystemBus().name_has_owner("org.fedoraproject.FirewallD1"))
PYTHON
do :; done 2>/dev/null`;
/** ExecReload of firewalld.service. */
const RELOAD = 'kill -HUP "$(cat /run/firewalld.pid)"';

test('what it waits for answers when firewalld has flushed', async () => {
  expectPackages();
  const vars = parse(readFileSync(VARS, 'utf8')) as {
    __pomaloba_firewalls: { firewalld: { settles: string } };
  };
  const { settles } = vars.__pomaloba_firewalls.firewalld;
  const backend = withPackages(SCRIPTS.find(({ type }) => type === 'iptables') ?? NFT_SCRIPT);
  await using lab = await forwardingLab();
  await load(lab, backend, spec());
  for (const step of [`${launchFirewalld('iptables')}\n${HAS_NAME}`, RELOAD, RELOAD]) {
    await inLb(lab, backend, `${step}\n${settles}`);
    await load(lab, backend, spec());
    // As long as firewalld takes for it, several times over.
    await sleep(3000);
    expect(await answers(lab, ENDPOINTS), step).toEqual(Array(4).fill('yes'));
  }
});
