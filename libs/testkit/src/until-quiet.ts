import { eventually } from './eventually.ts';

/**
 * Waits until nothing is under way: `findWork` finds nothing twice in a row, since one look may fall between a commit
 * and what follows from it.
 * @param findWork says in words what is still to be done; also the place to nudge what would wait for its interval
 * @throws Error with what was left when time is up
 */
export async function untilQuiet(findWork: () => Promise<string[]>, o: { timeoutMs: number }): Promise<void> {
  let quietLooks = 0;
  await eventually(
    async () => {
      const left = await findWork();
      quietLooks = left.length === 0 ? quietLooks + 1 : 0;
      if (quietLooks >= 2) return true;
      throw new Error(left.length === 0 ? 'quiet only just now' : left.slice(0, 20).join('\n'));
    },
    { timeoutMs: o.timeoutMs, describe: 'quiet' },
  );
}
