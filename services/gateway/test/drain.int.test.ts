import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { ok } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { world } from './fake-services.ts';
import { startStage } from './support.ts';

test('finishes the request it holds, refuses new ones, and waits for no silent connection', async () => {
  const stage = await startStage();
  const silent = connect(stage.gateway.port, '127.0.0.1');
  await once(silent, 'connect');
  const held = Promise.withResolvers<void>();
  const report = { chaletId: world.chalet, syncedAt: '2027-01-01T00:00:00.000Z', full: false, changed: 0, removed: 0 };
  // The gateway waits long for this one.
  const subject = 'svc.calendar-sync.sync_calendar';
  stage.fakes.override.set(subject, async () => {
    await held.promise;
    return ok({ ...report, recorded: true });
  });
  const path = `/v1/chalets/${world.chalet}/google-calendar/sync`;
  const answer = stage.call('POST', path, { token: world.ownerToken });
  await eventually(() => stage.fakes.asked.some(asked => asked.subject === subject));

  const started = performance.now();
  const drained = stage.gateway.drain();
  await expect(stage.call('GET', '/livez')).rejects.toThrow();
  held.resolve();
  expect(await (await answer).json()).toMatchObject(report);
  await drained;
  // Who holds on to a connection is waited for seven seconds at most; here nobody does.
  expect(performance.now() - started).toBeLessThan(6_900);
  await stage.close();
});
