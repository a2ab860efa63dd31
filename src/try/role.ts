// Loads a ruleset into the lab's load balancer as the generated role does, by Ansible, and nothing of this machine is written to:
// what the role writes on a host lies in the lab's own /run here.
import type { Lab } from '../lab/lab.js';
import type { Artifact } from '../role/artifact.js';
import { LoadError, needs, put } from './load.js';

const BASE = '/run/pomaloba-try';

/** Of the role's own tasks those that put rules in place; the others ask systemd, which no lab has. */
const TASKS = ['data', 'look', 'install', 'forwarding', 'apply'];

/** In the place of the role's own, which arms a timer of systemd and waits for a new connection. */
const CONFIRM = `---
- name: Load the candidate
  ansible.builtin.command:
    cmd: sh {{ __pomaloba_control }} load {{ __pomaloba_candidate }}
  changed_when: true
`;

const PLAY = [
  {
    name: 'Load the ruleset by the role',
    hosts: 'localhost',
    connection: 'local',
    gather_facts: false,
    tasks: TASKS.map((tasks) => ({
      name: `Run tasks/${tasks}.yml`,
      'ansible.builtin.import_role': { name: 'pomaloba', tasks_from: tasks },
    })),
  },
];

/** These win over the role's own. */
const VARIABLES = {
  ansible_python_interpreter: '{{ ansible_playbook_python }}',
  pomaloba_manage_packages: false,
  __pomaloba_directory: `${BASE}/etc`,
  __pomaloba_sysctl: `${BASE}/sysctl.conf`,
  __pomaloba_ctl: `${BASE}/pomaloba-ctl`,
};

/** No settings and no files of whoever runs this. */
const ENVIRONMENT = {
  HOME: BASE,
  LC_ALL: 'C.UTF-8',
  ANSIBLE_CONFIG: `${BASE}/ansible.cfg`,
  ANSIBLE_HOME: `${BASE}/ansible`,
  ANSIBLE_LOCAL_TEMP: `${BASE}/ansible/tmp`,
  ANSIBLE_REMOTE_TEMP: `${BASE}/ansible/tmp`,
  ANSIBLE_NOCOLOR: '1',
  ANSIBLE_LOCALHOST_WARNING: 'False',
  ANSIBLE_INVENTORY_UNPARSED_WARNING: 'False',
};

const LIMIT = 300_000;

/** Loads the ruleset of a role for nftables. Throws LoadError. */
export async function loadRole(lab: Lab, role: readonly Artifact[]): Promise<void> {
  await needs(lab, 'ansible-playbook', 'ansible-core');
  await needs(lab, 'nft', 'nftables');
  for (const { path, text } of role) {
    await put(lab, `${BASE}/roles/pomaloba/${path}`, path === 'tasks/confirm.yml' ? CONFIRM : text);
  }
  await put(lab, `${BASE}/ansible.cfg`, '[defaults]\n');
  await put(lab, `${BASE}/play.yml`, JSON.stringify(PLAY));
  const settings = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  const words = ['ansible-playbook', '-i', 'localhost,', '-e', JSON.stringify(VARIABLES), `${BASE}/play.yml`];
  const { code, stdout, stderr } = await lab.exec('lb', ['env', ...settings, ...words], { timeoutMs: LIMIT });
  if (code !== 0) throw new LoadError(`the role cannot be applied:\n${`${stdout}\n${stderr}`.trim()}`);
}
