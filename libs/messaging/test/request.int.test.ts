import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { defineRequest, ok, refuse } from '@monde-sauvage/contracts';
import { handle, RemoteError, request, serveRequests, UnavailableError } from '@monde-sauvage/messaging';
import { eventually, silentLogger } from '@monde-sauvage/testkit';
import { addNight, metrics, type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const add = (nights: number) => ok({ nights: nights + 1, at: '2026-01-25T10:00:00Z' });

async function serve(handler: Parameters<typeof handle<typeof addNight.input, typeof addNight.output>>[1], o = {}) {
  const nc = await stage.connect('booking');
  const handlers = [handle(addNight, handler)];
  return serveRequests({ nc, service: 'booking', handlers, logger: silentLogger, metrics: metrics(), ...o });
}

test('a request is answered, and the answer comes parsed by its contract', async () => {
  const served = await serve(async ({ nights }) => add(nights));
  const nc = await stage.connect('gateway');
  const answer = await request(nc, addNight, { nights: 2 });
  expect(answer).toEqual({ ok: true, value: { nights: 3, at: new Date('2026-01-25T10:00:00Z') } });
  await served.drain();
});

test('request id and trace travel with the request', async () => {
  const seen: unknown[] = [];
  const served = await serve(async ({ nights }, context) => {
    seen.push(context);
    return add(nights);
  });
  const nc = await stage.connect('gateway');
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await request(nc, addNight, { nights: 2 }, { requestId: 'r-1', traceparent });
  expect(seen).toEqual([{ requestId: 'r-1', traceparent }]);
  await served.drain();
});

test('nobody listening is unavailable at once', async () => {
  const nc = await stage.connect('gateway');
  const patient = { ...addNight, deadlineMs: 20_000 };
  const started = performance.now();
  const error = await request(nc, patient, { nights: 1 }).catch(reason => reason);
  expect(error).toBeInstanceOf(UnavailableError);
  expect(error).toMatchObject({ service: 'booking', retryAfterSeconds: expect.any(Number) });
  expect(performance.now() - started).toBeLessThan(15_000);
});

test('a missed deadline is unavailable', async () => {
  const late = Promise.withResolvers<void>();
  const served = await serve(async ({ nights }) => {
    await late.promise;
    return add(nights);
  });
  const nc = await stage.connect('gateway');
  await expect(request(nc, addNight, { nights: 1 }, { deadlineMs: 50 })).rejects.toThrow(UnavailableError);
  late.resolve();
  await served.drain();
});

test('a refusal comes back as a value', async () => {
  const served = await serve(async () => refuse('dates_unavailable', 'These nights are taken.'));
  const nc = await stage.connect('gateway');
  const answer = await request(nc, addNight, { nights: 1 });
  expect(answer).toEqual({ ok: false, refusal: { code: 'dates_unavailable', message: 'These nights are taken.' } });
  await served.drain();
});

test('invalid input is refused with the path of what is wrong, and never reaches the handler', async () => {
  let called = false;
  const served = await serve(async ({ nights }) => {
    called = true;
    return add(nights);
  });
  const nc = await stage.connect('gateway');
  const answer = await request(nc, addNight, { nights: 1.5 });
  expect(answer).toMatchObject({ ok: false, refusal: { code: 'validation_failed', errors: [{ path: 'nights' }] } });
  expect(called).toBe(false);
  await served.drain();
});

test('a handler that throws is answered without its message', async () => {
  const served = await serve(async () => {
    throw new Error('password is hunter2');
  });
  const nc = await stage.connect('gateway');
  const error = await request(nc, addNight, { nights: 1 }).catch(reason => reason);
  expect(error).toBeInstanceOf(RemoteError);
  expect(String(error)).not.toContain('hunter2');
  await served.drain();
});

test('a service that misses another one is unavailable itself', async () => {
  const served = await serve(async () => {
    throw new UnavailableError('payment', 'nobody listens');
  });
  const nc = await stage.connect('gateway');
  await expect(request(nc, addNight, { nights: 1 })).rejects.toThrow(UnavailableError);
  await served.drain();
});

test('an answer against the contract is the other side’s failure', async () => {
  const served = await serve(async () => ok({ nights: 1, at: 'yesterday' }));
  const nc = await stage.connect('gateway');
  await expect(request(nc, addNight, { nights: 1 })).rejects.toThrow(RemoteError);
  await served.drain();
});

test('replicas share the requests', async () => {
  const counts = [0, 0];
  const replicas = await Promise.all(
    counts.map((_, index) =>
      serve(async ({ nights }) => {
        counts[index] = (counts[index] ?? 0) + 1;
        return add(nights);
      }),
    ),
  );
  const nc = await stage.connect('gateway');
  await Promise.all(Array.from({ length: 100 }, (_, nights) => request(nc, addNight, { nights })));
  expect(counts.reduce((sum, count) => sum + count)).toBe(100);
  expect(Math.min(...counts)).toBeGreaterThan(0);
  await Promise.all(replicas.map(replica => replica.drain()));
});

test('requests run side by side, up to the limit', async () => {
  const gate = Promise.withResolvers<void>();
  let working = 0;
  let most = 0;
  const served = await serve(
    async ({ nights }) => {
      working += 1;
      most = Math.max(most, working);
      await gate.promise;
      working -= 1;
      return add(nights);
    },
    { concurrency: 3 },
  );
  const nc = await stage.connect('gateway');
  const answers = Promise.all(Array.from({ length: 10 }, (_, nights) => request(nc, addNight, { nights })));
  await eventually(() => working === 3);
  gate.resolve();
  expect(await answers).toHaveLength(10);
  expect(most).toBe(3);
  await served.drain();
});

test('draining answers what is held and takes nothing new', async () => {
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const served = await serve(async ({ nights }) => {
    started.resolve();
    await gate.promise;
    return add(nights);
  });
  const nc = await stage.connect('gateway');
  const held = request(nc, addNight, { nights: 1 });
  await started.promise;
  const drained = served.drain();
  await eventually(async () => {
    // One that comes through after all is held as well.
    const error = await request(nc, addNight, { nights: 1 }, { deadlineMs: 500 }).catch(reason => reason);
    return error instanceof UnavailableError && error.message.includes('nobody listens');
  });
  gate.resolve();
  expect(await held).toMatchObject({ ok: true });
  await drained;
});

test('a request without input is allowed', async () => {
  const nc = await stage.connect('booking');
  const ping = defineRequest({
    subject: 'svc.booking.ping',
    input: addNight.input.optional(),
    output: addNight.input.optional(),
    deadlineMs: 30_000,
  });
  const served = await serveRequests({
    nc,
    service: 'booking',
    handlers: [handle(ping, async () => ok(undefined))],
    logger: silentLogger,
    metrics: metrics(),
  });
  expect(await request(nc, ping, undefined)).toEqual({ ok: true, value: undefined });
  await served.drain();
});

test('what is away for now behind a service makes it unavailable, anything else is its own failure', async () => {
  const served = await serve(
    async ({ nights }) => {
      throw new Error(nights === 1 ? 'the database is away' : 'a mistake');
    },
    { isOutage: (error: unknown) => error instanceof Error && error.message.includes('away') },
  );
  const nc = await stage.connect('gateway');
  await expect(request(nc, addNight, { nights: 1 })).rejects.toThrow(UnavailableError);
  await expect(request(nc, addNight, { nights: 2 })).rejects.toThrow(RemoteError);
  await served.drain();
});
