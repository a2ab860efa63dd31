// A lab: a client, a load balancer and workers as network namespaces of this machine, and nothing outside them.
import type { AgentConnection } from './agent-connection.js';
import { build, inHost } from './build.js';
import { LabError } from './errors.js';
import { type ExecOptions, type ExecResult, execute } from './execute.js';
import { LabProcess } from './lab-process.js';
import type { LabPlan } from './plan.js';
import { programFile } from './programs.js';
import { layOut } from './topology.js';
import {
  type ClientRequest,
  DEFAULT_CONCURRENCY,
  DEFAULT_TIMEOUT,
  type EachResult,
  type Holding,
  type HoldRequest,
  type HoldResult,
  type LabProtocol,
  type Lane,
  type ProbeRequest,
  type ProbeResult,
  type Service,
  STOP,
} from './traffic.js';
import { startAgent } from './unshare.js';

/** What a process of the lab may take in addition to what its request allows, in ms. */
const MARGIN = 15_000;

/** Connections that a host holds open; see HoldRequest. */
interface HeldConnections extends Holding {
  /** Ends the connections and tells how they fared. To be called once. */
  readonly stop: () => Promise<HoldResult>;
}

/** Services of a worker that are up. */
interface Services {
  /** Stops those at one address: whoever comes then is refused. */
  readonly stop: (ip: string) => Promise<void>;
}

/**
 * Hosts are named `client`, `lb` and as the plan's workers are; another name is a LabError. After `close`, what
 * would need the lab rejects with LabError.
 */
export interface Lab extends AsyncDisposable {
  readonly hosts: readonly string[];
  /**
   * Runs a command in a host and waits for its end. A code other than 0 is a result like any other. Rejects with
   * LabError if it takes longer than `timeoutMs`. Background processes that it leaves stay until `close`.
   */
  exec(host: string, argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Starts a command in a host whose output is read, and input written, line by line. */
  start(host: string, argv: readonly string[]): LabProcess;
  /** Enables forwarding of both families in the lb, which begins with none. */
  forward(): Promise<void>;
  /** Starts a server for `ports` on all of a worker's addresses, of TCP unless said; resolves when it is ready. */
  listen(worker: string, ports: readonly number[], protocol?: LabProtocol): Promise<LabProcess>;
  /** Starts services that answer when they are asked; resolves when all are ready. */
  serve(worker: string, services: readonly Service[]): Promise<Services>;
  /** Makes requests to services, lane by lane, and tells of each as soon as it has ended. */
  each(host: string, lanes: readonly Lane[], tell: (result: EachResult) => void): Promise<void>;
  /** Opens short connections from a host to the lab's servers, and counts who answered. */
  probe(host: string, request: ProbeRequest): Promise<ProbeResult>;
  /** Opens connections from a host and keeps them open; resolves when all are open or have failed. */
  hold(host: string, request: HoldRequest): Promise<HeldConnections>;
  /** Ends all processes of the lab, and with them its namespaces. May be called again. */
  close(): Promise<void>;
}

/**
 * Builds a lab. It is gone after `close`, and also when this process ends in any way, kill -9 included.
 * Rejects with LabUnavailable, LabPlanError or, where a command failed, LabError.
 */
export async function createLab(plan: LabPlan): Promise<Lab> {
  const topology = layOut(plan);
  const agent = await startAgent(plan.userNamespace);
  try {
    await build(agent, topology);
  } catch (cause) {
    await agent.close();
    throw cause;
  }
  return new NamespaceLab(agent, topology.hosts);
}

class NamespaceLab implements Lab {
  readonly hosts: readonly string[];
  readonly #agent: AgentConnection;

  constructor(agent: AgentConnection, hosts: readonly string[]) {
    this.#agent = agent;
    this.hosts = hosts;
  }

  async exec(host: string, argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return execute(this.#agent, this.#in(host, argv), options);
  }

  start(host: string, argv: readonly string[]): LabProcess {
    return new LabProcess(this.#agent, this.#in(host, argv));
  }

  async forward(): Promise<void> {
    const script = 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding';
    const { code, stderr } = await this.exec('lb', ['sh', '-ec', script]);
    if (code !== 0) throw new LabError(`forwarding cannot be enabled: ${stderr.trim()}`);
  }

  async listen(worker: string, ports: readonly number[], protocol: LabProtocol = 'tcp'): Promise<LabProcess> {
    const argv = [process.execPath, programFile('server'), protocol, ...ports.map(String)];
    const server = this.start(worker, argv);
    const line = await server.nextLine(MARGIN);
    if (line === undefined) throw new LabError(`${worker} cannot listen: ${server.stderr.trim()}`);
    return server;
  }

  async serve(worker: string, services: readonly Service[]): Promise<Services> {
    const server = this.start(worker, [process.execPath, programFile('service')]);
    const tell = async (line: string): Promise<void> => {
      server.writeLine(line);
      if ((await server.nextLine(MARGIN)) === undefined)
        throw new LabError(`${worker} cannot serve: ${server.stderr.trim()}`);
    };
    await tell(JSON.stringify(services));
    return { stop: tell };
  }

  async each(host: string, lanes: readonly Lane[], tell: (result: EachResult) => void): Promise<void> {
    const client = this.start(host, [process.execPath, programFile('client')]);
    const asked: ClientRequest = { mode: 'each', each: { lanes } };
    client.writeLine(JSON.stringify(asked));
    const limits = lanes.flatMap(({ requests, gapMs }) => requests.map(({ timeoutMs }) => timeoutMs + gapMs));
    const slowest = limits.reduce((most, one) => Math.max(most, one), 0) + MARGIN;
    for (let left = limits.length; left > 0; left--) {
      const line = await client.nextLine(slowest);
      if (line === undefined) throw new LabError(`the client in ${host} failed: ${client.stderr.trim()}`);
      tell(JSON.parse(line) as EachResult);
    }
    await client.ended;
  }

  async probe(host: string, request: ProbeRequest): Promise<ProbeResult> {
    const { connections, concurrency = DEFAULT_CONCURRENCY, timeoutMs = DEFAULT_TIMEOUT } = request;
    const rounds = Math.ceil((connections * request.targets.length) / concurrency);
    const asked: ClientRequest = { mode: 'probe', probe: request };
    const { code, stdout, stderr } = await this.exec(host, [process.execPath, programFile('client')], {
      stdin: JSON.stringify(asked),
      timeoutMs: rounds * timeoutMs + MARGIN,
    });
    if (code !== 0) throw new LabError(`the client in ${host} failed: ${stderr.trim()}`);
    return JSON.parse(stdout) as ProbeResult;
  }

  async hold(host: string, request: HoldRequest): Promise<HeldConnections> {
    const { connections, timeoutMs = DEFAULT_TIMEOUT } = request;
    const client = this.start(host, [process.execPath, programFile('client')]);
    const asked: ClientRequest = { mode: 'hold', hold: request };
    client.writeLine(JSON.stringify(asked));
    const answer = async (limit: number): Promise<unknown> => {
      const line = await client.nextLine(limit);
      if (line === undefined) throw new LabError(`the client in ${host} failed: ${client.stderr.trim()}`);
      return JSON.parse(line);
    };
    const holding = (await answer(
      Math.ceil(connections / DEFAULT_CONCURRENCY) * timeoutMs + MARGIN,
    )) as Holding;
    return {
      ...holding,
      stop: async () => {
        client.writeLine(STOP);
        return (await answer(2 * timeoutMs + MARGIN)) as HoldResult;
      },
    };
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #in(host: string, argv: readonly string[]): readonly string[] {
    if (this.hosts.includes(host)) return inHost(host, argv);
    throw new LabError(`the lab has no host ${host}, only ${this.hosts.join(', ')}`);
  }
}
