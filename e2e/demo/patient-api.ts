import { randomUUID } from 'node:crypto';
import { type Api, bodyOf } from '../support/api.ts';

/** As long as a service that is replaced, or a machine that has much else to do, may keep somebody waiting. */
const patienceMs = 60_000;
const pauseMs = 500;

/**
 * A client that does what the answer 503 asks for: it tries again shortly. Each call has an Idempotency-Key, so that a
 * booking whose answer was lost is not made twice. `onRetry` hears of it.
 */
export function createPatientApi(api: Api, onRetry: (line: string) => void): Api {
  return {
    async call(method, path, o = {}) {
      const began = performance.now();
      const headers = { 'Idempotency-Key': randomUUID(), ...o.headers };
      for (;;) {
        const answer = await api.call(method, path, { ...o, headers });
        if (answer.status !== 503 || performance.now() - began > patienceMs) return answer;
        onRetry(`(${method} ${path.split('?')[0]} is answered “try again shortly”)`);
        await new Promise(resolve => setTimeout(resolve, pauseMs));
      }
    },
    async expect(status, schema, method, path, o) {
      return schema.parse(bodyOf(await this.call(method, path, o), { status, method, path }));
    },
    as: token => createPatientApi(api.as(token), onRetry),
  };
}
