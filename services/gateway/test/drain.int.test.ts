import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { ok } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { chalet, world } from './fake-services.ts';
import { startStage } from './support.ts';

test('finishes the request it holds, refuses new ones, and waits for no silent connection', async () => {
  const stage = await startStage();
  const silent = connect(stage.gateway.port, '127.0.0.1');
  await once(silent, 'connect');
  const held = Promise.withResolvers<void>();
  stage.fakes.override.set('svc.booking.get_chalet', async () => {
    await held.promise;
    return ok(chalet);
  });
  const answer = stage.call('GET', `/v1/chalets/${world.chalet}`);
  await eventually(() => stage.fakes.asked.some(({ subject }) => subject === 'svc.booking.get_chalet'));

  const started = performance.now();
  const drained = stage.gateway.drain();
  await expect(stage.call('GET', '/livez')).rejects.toThrow();
  held.resolve();
  expect(await (await answer).json()).toEqual(chalet);
  await drained;
  expect(performance.now() - started).toBeLessThan(3_000);
  await stage.close();
});
