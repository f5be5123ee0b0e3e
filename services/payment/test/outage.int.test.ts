import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import manifest from '../package.json' with { type: 'json' };
import { type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const ops = (path: string) => fetch(`http://127.0.0.1:${stage.service().port}${path}`);

test('while its database is away it says so to whoever asks, stays measurable, and goes on by itself', async () => {
  await stage.allowDatabase(false);
  await eventually(async () => (await ops('/readyz')).status === 503);
  const bookingId = newId();
  await expect(stage.settleHoldOnce(bookingId)).rejects.toThrow(/payment is unavailable/);
  const metrics = await ops('/metrics');
  expect(metrics.status).toBe(200);
  const told = await metrics.text();
  expect(told).toMatch(/payments_in_review\{[^}]*\} NaN/i);
  expect(told).toContain(`build_info{version="${manifest.version}",commit="unknown",service="payment"} 1`);

  await stage.allowDatabase(true);
  await eventually(async () => (await ops('/readyz')).status === 200);
  expect(await stage.settleHold(bookingId)).toMatchObject({ ok: true, value: { outcome: 'released' } });
});
