import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ok } from '@monde-sauvage/contracts';
import {
  closeNats,
  connectNats,
  handle,
  isConnected,
  pingNats,
  request,
  serveRequests,
  UnavailableError,
} from '@monde-sauvage/messaging';
import { eventually, silentLogger } from '@monde-sauvage/testkit';
import { addNight, metrics, type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

test('without a server there is one line that names the servers and NATS_URL', async () => {
  const error = await connectNats({
    servers: 'nats://user:secret@127.0.0.1:9, nats://127.0.0.1:10',
    service: 'booking',
    logger: silentLogger,
    connectTimeoutMs: 200,
  }).catch(reason => reason);
  expect(error).toBeInstanceOf(Error);
  expect(error.message).toMatch(
    /^NATS does not answer at nats:\/\/127\.0\.0\.1:9, nats:\/\/127\.0\.0\.1:10 .*NATS_URL$/,
  );
});

test('one server of several is enough', async () => {
  const servers = `nats://127.0.0.1:9,${stage.nats.url}`;
  const nc = await connectNats({ servers, service: 'booking', logger: silentLogger });
  await pingNats(nc);
  await closeNats(nc);
});

test('closing without a server does not hang', async () => {
  const nc = await stage.connect('booking');
  await stage.nats.kill();
  await eventually(() => !isConnected(nc));
  await closeNats(nc);
  expect(nc.isClosed()).toBe(true);
  await stage.nats.restart();
});

test('an outage is told, requests fail fast in it, and everything works again after it', async () => {
  const seen: boolean[] = [];
  const nc = await connectNats({
    servers: stage.nats.url,
    service: 'booking',
    logger: silentLogger,
    onStatus: connected => seen.push(connected),
  });
  const served = await serveRequests({
    nc,
    service: 'booking',
    handlers: [handle(addNight, async ({ nights }) => ok({ nights, at: '2026-01-25T10:00:00Z' }))],
    logger: silentLogger,
    metrics: metrics(),
  });

  await stage.nats.kill();
  await eventually(() => !isConnected(nc));
  await expect(pingNats(nc)).rejects.toThrow('not connected');
  await expect(request(nc, addNight, { nights: 1 })).rejects.toThrow(UnavailableError);

  await stage.nats.restart();
  await eventually(() => isConnected(nc));
  await pingNats(nc);
  expect(await request(nc, addNight, { nights: 1 })).toMatchObject({ ok: true });
  expect(seen).toEqual([true, false, true]);
  await served.drain();
  await closeNats(nc);
});
