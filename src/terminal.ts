// What a command that takes a while shows and does meanwhile: how far it is, and what a signal asks for.
import type { Stage } from './commands/outcome.js';

/** From line to line, in ms: on a terminal as the eye can follow, elsewhere so that a log stays readable. */
const OFTEN = 100;
const RARELY = 1_000;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Back to the first column, and nothing in the line. */
const CLEAR = '\r\u001B[K';
const WIDTH = 79;

/** Colour is for people: off in a pipe and with NO_COLOR (no-color.org), on with FORCE_COLOR. */
export function colorful(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR) return false;
  return FORCE_COLOR ? FORCE_COLOR !== '0' : (stream.isTTY ?? false);
}

/** The terminal of a run; `isQuiet`: standard error is for data. */
export class Terminal implements Stage {
  readonly isColorful = colorful(process.stdout);
  readonly #isQuiet: boolean;
  readonly #isTerminal = process.stderr.isTTY;
  #shownAt = -Infinity;
  #isShown = false;
  #cleanUp: (() => Promise<void>) | undefined;

  constructor(isQuiet: boolean) {
    this.#isQuiet = isQuiet;
  }

  readonly progress = (text: string): void => {
    if (this.#isQuiet) return;
    const now = performance.now();
    if (now - this.#shownAt < (this.#isTerminal ? OFTEN : RARELY)) return;
    this.#shownAt = now;
    this.#isShown = this.#isTerminal;
    process.stderr.write(this.#isTerminal ? `${CLEAR}${text.slice(0, WIDTH)}` : `${text}\n`);
  };

  readonly beforeSignal = (cleanUp: () => Promise<void>): void => {
    if (!this.#cleanUp) for (const signal of SIGNALS) process.once(signal, this.#end);
    this.#cleanUp = cleanUp;
  };

  /** Takes the progress away, as the command is over. */
  clear(): void {
    for (const signal of SIGNALS) process.off(signal, this.#end);
    this.#erase();
  }

  /** Ends as the signal would have ended us, so that a shell knows (bash(1), SIGNALS). */
  readonly #end = (signal: NodeJS.Signals): void => {
    this.#erase();
    const end = (): void => {
      for (const one of SIGNALS) process.removeAllListeners(one);
      process.kill(process.pid, signal);
    };
    void this.#cleanUp?.().then(end, end);
  };

  #erase(): void {
    if (this.#isShown) process.stderr.write(CLEAR);
    this.#isShown = false;
  }
}
