import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { crashPoints } from '@monde-sauvage/calendar-sync/crash-points';
import { readPropertyRun, runSequences } from '@monde-sauvage/testkit';
import { describeLife, type Life, lifeWithCrash, lives } from './calendar/actions.ts';
import { createBatchRunner } from './calendar/batch.ts';
import { daysToSpring, startWorld, type World } from './calendar/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 300_000);
afterAll(() => world?.stop(), 300_000);

/** In each npm test; the soak goes on for as long as it is told. */
const usualCount = 500;
const run = readPropertyRun(process.env, { count: usualCount });
process.stderr.write(`calendars and bookings: PROPERTY_SEED=${run.seed}\n`);

test(
  `whatever owners, guests, Google and crashes do, calendars and bookings agree in the end (seed ${run.seed})`,
  async () => {
    const runner = createBatchRunner(world, line => {
      if (process.env.PROPERTY_VERBOSE) process.stderr.write(`${line}\n`);
    });
    await runSequences<Life>(
      {
        name: 'calendars and bookings agree',
        sequence: lives(daysToSpring()),
        describe: describeLife,
        batchSize: 40,
        runBatch: runner.run,
      },
      run,
    );
    expect(runner.lived).toBeGreaterThanOrEqual(run.count);
    // Fewer lives than usual are a look at a part.
    if (run.count < usualCount) return;
    // A point that nothing reaches is not tested: those that the lives missed are led to.
    const missed = () => crashPoints.filter(point => !world.plan.struck.has(point));
    for (let tries = 0; tries < 5 && missed().length > 0; tries += 1) {
      const verdicts = await runner.run(missed().map(lifeWithCrash));
      expect(verdicts.filter(verdict => verdict !== undefined)).toEqual([]);
    }
    expect(missed()).toEqual([]);
  },
  30 * 60_000,
);
