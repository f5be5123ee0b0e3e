import { isDeepStrictEqual } from 'node:util';

/** Tells the demo as it happens: chapters, what was done, what is seen, and whether it came true. */
export interface Story {
  chapter(title: string): void;
  /** What somebody does. */
  tell(line: string): void;
  /** What the database or the calendar holds. */
  show(where: 'database' | 'calendar' | 'answer', line: string): void;
  /** Waits until `probe` gives what was promised. @throws Error when it does not in time */
  until<T>(promise: string, probe: () => Promise<T | undefined | false>): Promise<T>;
  /** @throws Error when what is so is not what was promised */
  check(promise: string, actual: unknown, expected: unknown): void;
}

/** A limit for what never comes, not for what is slow on a busy machine. */
const patienceMs = 60_000;
const pauseMs = 20;

export function createStory(print: (line: string) => void): Story {
  const kept = (promise: string, tookMs?: number) =>
    print(`     ✓ ${promise}${tookMs === undefined ? '' : ` (${tookMs.toFixed(0)} ms)`}`);
  return {
    chapter: title => print(`\n${title}`),
    tell: line => print(`   ${line}`),
    show: (where, line) => print(`     ${where.padEnd(8)} │ ${line}`),
    async until(promise, probe) {
      const began = performance.now();
      for (;;) {
        const seen = await probe();
        if (seen) {
          kept(promise, performance.now() - began);
          return seen;
        }
        if (performance.now() - began > patienceMs) throw new Error(`this did not come true: ${promise}`);
        await new Promise(resolve => setTimeout(resolve, pauseMs));
      }
    },
    check(promise, actual, expected) {
      if (!isDeepStrictEqual(actual, expected)) {
        throw new Error(`${promise}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
      }
      kept(promise);
    },
  };
}
