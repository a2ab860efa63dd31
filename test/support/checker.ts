// The role's checker of destinations, in a lab: its files, what it knows, and its process.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { LabProcess } from '../../src/lab/lab-process.js';
import type { Lab } from '../../src/lab/lab.js';
import type { View } from '../../src/view/view.js';
import type { Backend } from './backends.js';
import { temporaryDirectory } from './rulesets.js';

const PROGRAM = join(import.meta.dirname, '../../roles-templates/role/files/health.py');

/** A destination in state.json. */
interface DestinationState {
  readonly ip: string;
  readonly port: number;
  readonly state: 'up' | 'down' | 'unknown';
  readonly since: number;
  readonly ours: boolean;
}

/** The checker of a load balancer in a lab. */
export class CheckerInLab {
  readonly #run = join(temporaryDirectory(), 'run');
  readonly #state = join(this.#run, '../state');
  readonly #lab: Lab;
  readonly #backend: Backend;
  #process: LabProcess | undefined;

  constructor(lab: Lab, backend: Backend, view: View) {
    this.#lab = lab;
    this.#backend = backend;
    mkdirSync(this.#run);
    mkdirSync(this.#state);
    this.balance(view);
  }

  /** Tells it what is balanced, as the role does. */
  balance({ pomaloba_ruleset, pomaloba_apps }: View): void {
    const data = {
      version: 1,
      backend: this.#backend.type.startsWith('nftables') ? 'nftables' : 'iptables',
      allow_exec: false,
      ruleset: pomaloba_ruleset,
      apps: pomaloba_apps,
    };
    const file = join(this.#run, 'balancer.json');
    writeFileSync(`${file}.new`, JSON.stringify(data));
    renameSync(`${file}.new`, file);
  }

  /** Starts it, also anew; it has to run still when it is killed. */
  start(): void {
    const program = `${PROGRAM} checked --run ${this.#run} --state ${this.#state}`;
    this.#process = this.#lab.start('lb', [
      'sh',
      '-c',
      `${this.#backend.tools} exec python3 -EsB ${program}`,
    ]);
  }

  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    expect((await this.#process?.ended)?.signal, this.#process?.stderr).toBe('SIGKILL');
  }

  /** What it knows of the destinations; none before it has said anything. */
  states(): readonly DestinationState[] {
    try {
      const text = readFileSync(join(this.#state, 'state.json'), 'utf8');
      return (JSON.parse(text) as { destinations: DestinationState[] }).destinations;
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
      throw cause;
    }
  }

  /** Waits until it has found these states, and told the kernel; how long that took, in seconds. */
  async until(expected: Readonly<Record<string, 'up' | 'down'>>): Promise<number> {
    const begin = performance.now();
    await expect
      .poll(
        () =>
          this.states()
            .filter(({ state, ours }) => ours === (state === 'down'))
            .map(({ ip, state }) => [ip, state]),
        { interval: 20, message: this.#process?.stderr ?? '' },
      )
      .toEqual(Object.entries(expected));
    return (performance.now() - begin) / 1000;
  }
}
