import { setTimeout as wait } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface EventuallyOptions {
  /** Default 60 000: a limit for what never comes, not for what is slow on a busy machine. */
  timeoutMs?: number | undefined;
  /** What is awaited, for the failure: "the booking is confirmed". */
  describe?: string | undefined;
}

/**
 * The first truthy value of `probe`, asked in pauses from 5 ms to 100 ms. A probe that throws (an assertion, a server
 * that is not up yet) counts as not there yet. The way to wait in tests, instead of sleeping.
 * @throws Error with the description and the last value or error, after `timeoutMs`
 */
export async function eventually<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  o: EventuallyOptions = {},
): Promise<T> {
  const { timeoutMs = 60_000, describe = 'the awaited condition' } = o;
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(100, pauseMs * 1.5)) {
    const last = await attempt(probe);
    if ('value' in last && last.value) return last.value;
    if (performance.now() > deadline) {
      const saw = 'error' in last ? `it threw ${inspect(last.error)}` : `last value: ${inspect(last.value)}`;
      throw new Error(`${describe} did not come true within ${timeoutMs} ms; ${saw}`);
    }
    await wait(pauseMs);
  }
}

async function attempt<T>(probe: () => T | Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await probe() };
  } catch (error) {
    return { error };
  }
}
