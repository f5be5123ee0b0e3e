import type { Verdicts } from '@monde-sauvage/testkit';
import type { Life } from './actions.ts';
import { beginLife, createEstate, type Estate, endLife } from './estate.ts';
import { live, readCalendars, settleDown } from './live.ts';
import { becomeQuiet } from './quiet.ts';
import { findWrongs } from './verdict.ts';
import type { World } from './world.ts';

export interface BatchRunner {
  run(batch: readonly Life[]): Promise<Verdicts>;
  /** How many lives were lived so far. */
  readonly lived: number;
}

/** Lives lives side by side in a world, each in an establishment of its own, brings all to rest, and judges each. */
export function createBatchRunner(world: World, log: (line: string) => void): BatchRunner {
  const all: Estate[] = [];
  let lived = 0;
  const run = async (batch: readonly Life[]): Promise<Verdicts> => {
    while (all.length < batch.length) all.push(await createEstate(world));
    const lives = batch.flatMap((life, index) => (all[index] ? [{ life, estate: all[index] }] : []));
    const estates = lives.map(({ estate }) => estate);
    const stopwatch = startStopwatch();
    await Promise.all(lives.map(({ estate, life }) => beginLife(estate, life)));
    stopwatch.lap('begin');
    const broken = await Promise.all(lives.map(({ estate, life }) => live(estate, life).then(nothing, asError)));
    stopwatch.lap('live');
    const unrest = await comeToRest(world, estates, stopwatch.lap).then(nothing, asError);
    stopwatch.lap('rest');
    const wrongs = await Promise.all(estates.map(findWrongs));
    const loops = unrest ? [] : await findLoops(world, estates);
    stopwatch.lap('look');
    await Promise.all(estates.map(endLife));
    lived += batch.length;
    const crashes = [...world.plan.struck.values()].reduce((sum, times) => sum + times, 0);
    log(`${lived} lives (${stopwatch.laps()}), ${crashes} crashes at ${world.plan.struck.size} points`);
    const verdicts = estates.map((_, index) => {
      const thrown = broken[index];
      const found = [...(thrown ? [String(thrown)] : []), ...(wrongs[index] ?? []), ...(loops[index] ?? [])];
      if (found.length === 0) return undefined;
      if (unrest) found.push(`and not everything came to rest: ${unrest.message}`);
      return new Error(found.join('\n'), { cause: thrown });
    });
    if (unrest && verdicts.every(verdict => verdict === undefined)) throw unrest;
    return verdicts;
  };
  return {
    run,
    get lived() {
      return lived;
    },
  };
}

const nothing = () => undefined;
const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Faults are off, everybody is connected, calendars are read once more: nothing may be left to do. */
async function comeToRest(world: World, estates: Estate[], lap: (name: string) => void): Promise<void> {
  world.plan.disarm();
  await world.fleet.whole();
  world.google.clearFaults();
  // Every replica needs new access tokens, each of them for a refresh token that is good once. Nothing is lost on the
  // way any more, however slow the machine is: nobody may have to connect again.
  world.google.configure({ rotateRefreshTokens: true });
  world.google.expireAccessTokens();
  await Promise.all(estates.map(settleDown));
  lap('settle');
  await becomeQuiet(world);
}

/** At rest, reading every calendar once more writes nothing: our own writes coming back cause no others. */
async function findLoops(world: World, estates: Estate[]): Promise<string[][]> {
  world.google.clearCalls();
  await Promise.all(estates.map(readCalendars));
  await becomeQuiet(world);
  const isWrite = /\/calendars\/([^/]+)\/events(\/(?!watch$)[^/]+)?$/;
  const writes = world.google.calls().flatMap(({ method, path }) => {
    const calendar = method === 'GET' ? undefined : isWrite.exec(path)?.[1];
    return calendar ? [{ calendar: decodeURIComponent(calendar), call: `${method} ${path}` }] : [];
  });
  world.google.clearCalls();
  return estates.map(({ calendars }) =>
    writes.flatMap(({ calendar, call }) =>
      calendars.includes(calendar) ? [`at rest, Google was called: ${call}`] : [],
    ),
  );
}

/** How long each part of a batch took, and how much of it this process was at work. */
function startStopwatch() {
  const laps: string[] = [];
  let since = performance.now();
  let cpu = process.cpuUsage();
  return {
    lap(name: string) {
      const { user, system } = process.cpuUsage(cpu);
      const [elapsed, worked] = [performance.now() - since, (user + system) / 1_000];
      laps.push(`${name} ${(elapsed / 1_000).toFixed(1)} s (processor ${(worked / 1_000).toFixed(1)} s)`);
      since = performance.now();
      cpu = process.cpuUsage();
    },
    laps: () => laps.join(', '),
  };
}
