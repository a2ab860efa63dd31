// The program that a lab lives in: process 1 of its own PID namespace, so that whenever it ends, for whatever
// reason, the kernel kills all that runs in the lab, and with the last process the namespaces are gone
// (pid_namespaces(7)). It runs what its owner asks for and knows nothing of hosts and addresses.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Ended, OutputStream, Report, Request, RunRequest } from './protocol.js';

/** How long output is waited for, in ms, after a process ended whose own children keep its pipes open. */
const LAST_OUTPUT = 1000;

const children = new Map<number, ChildProcess>();

/** Nobody is left to hear of a failure: the owner's end is also the end of this process. */
function ignore(): void {
  // As said.
}

function report(what: Report, sent: () => void = ignore): void {
  process.send?.(what, undefined, undefined, sent);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/**
 * A file and not a pipe: Node's pipes are sockets, which `/dev/stdin` cannot be opened on, and `nft -f -` does
 * just that. It has no name any more when the process begins.
 */
function inputFile(id: number, text: string): number {
  const path = `/run/pomaloba-stdin-${id}`;
  writeFileSync(path, text);
  const file = openSync(path, 'r');
  unlinkSync(path);
  return file;
}

function begin({ id, argv, stdin }: RunRequest): ChildProcess {
  const [program = '', ...args] = argv;
  const input = stdin === null ? 'pipe' : inputFile(id, stdin);
  try {
    // Detached: a session of its own is also a process group of its own, so that `kill` reaches all of it.
    return spawn(program, args, { stdio: [input, 'pipe', 'pipe'], detached: true });
  } finally {
    if (typeof input === 'number') closeSync(input);
  }
}

function relay(id: number, child: ChildProcess, stream: OutputStream): void {
  child[stream]?.setEncoding('utf8').on('data', (text: string) => {
    report({ is: 'output', id, stream, text });
  });
}

function run(request: RunRequest): void {
  const { id } = request;
  let child: ChildProcess;
  try {
    child = begin(request);
  } catch (cause) {
    report({ is: 'ended', id, how: { code: null, signal: null, error: messageOf(cause) } });
    return;
  }
  children.set(id, child);
  const end = (how: Ended): void => {
    if (!children.delete(id)) return;
    child.stdout?.destroy();
    child.stderr?.destroy();
    report({ is: 'ended', id, how });
  };
  child.stdin?.on('error', ignore);
  relay(id, child, 'stdout');
  relay(id, child, 'stderr');
  child.on('error', (cause) => {
    end({ code: null, signal: null, error: messageOf(cause) });
  });
  child.on('close', (code, signal) => {
    end({ code, signal });
  });
  child.on('exit', (code, signal) => {
    setTimeout(end, LAST_OUTPUT, { code, signal });
  });
}

function kill(id: number, signal: NodeJS.Signals): void {
  const pid = children.get(id)?.pid;
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has just ended by itself, which is reported anyway.
  }
}

function serve(request: Request): void {
  switch (request.do) {
    case 'run':
      run(request);
      break;
    case 'write':
      children.get(request.id)?.stdin?.write(request.text);
      break;
    case 'end-input':
      children.get(request.id)?.stdin?.end();
      break;
    case 'kill':
      kill(request.id, request.signal);
      break;
  }
}

/**
 * A /run of its own: `ip netns` keeps its names in /run/netns, iptables its lock in /run/xtables.lock. Tells
 * what went wrong, if anything.
 */
function coverRun(): string | undefined {
  const { error, status, stderr } = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run'], {
    encoding: 'utf8',
  });
  if (error) return `mount: ${error.message}`;
  return status === 0 ? undefined : stderr.trim();
}

process.on('disconnect', () => process.exit());
// Users other than root often lack the directories that nft, iptables and ip lie in.
process.env['PATH'] = `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
const reason = coverRun();
if (reason === undefined) {
  process.on('message', serve);
  report({ is: 'ready' });
} else {
  report({ is: 'unable', reason }, () => process.exit(1));
}
