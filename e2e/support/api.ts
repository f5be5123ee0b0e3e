import { randomUUID } from 'node:crypto';
import type { z } from 'zod';

/** One answer of the HTTP API. `body` is whatever JSON came, or undefined when there was none. */
export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

export interface Api {
  call(method: string, path: string, o?: CallOptions): Promise<Answer>;
  /** As `call`, and the body parsed. @throws Error with the whole answer when the status differs */
  expect<S extends z.ZodType>(
    status: number,
    schema: S,
    method: string,
    path: string,
    o?: CallOptions,
  ): Promise<z.output<S>>;
  /** The same API under another credential. */
  as(token: string): Api;
}

interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A client of the gateway that knows nothing but HTTP. */
export function createApi(baseUrl: string, token?: string): Api {
  const call: Api['call'] = async (method, path, o = {}) => {
    const response = await fetch(new URL(path, baseUrl), {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(o.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...o.headers,
      },
      ...(o.body === undefined ? {} : { body: JSON.stringify(o.body) }),
      ...(o.signal ? { signal: o.signal } : {}),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text || undefined };
  };
  return {
    call,
    async expect(status, schema, method, path, o) {
      const answer = await call(method, path, o);
      return schema.parse(bodyOf(answer, { status, method, path }));
    },
    as: other => createApi(baseUrl, other),
  };
}

const mostTries = 5;

/**
 * As people do who read "try again shortly": a machine that is busy, or stands still for a moment, has services miss their
 * deadlines. What takes a key is asked for under one, so that it happens once; all else that is asked for twice here does no
 * harm: it happens once, or makes one more that nobody uses.
 */
export function askAgain(api: Api): Api {
  const call: Api['call'] = async (method, path, o = {}) => {
    const takesKey = method === 'POST' && /^\/v1\/bookings(\/[^/]+\/refunds)?$/.test(path);
    const asked = takesKey ? { ...o, headers: { 'idempotency-key': randomUUID(), ...o.headers } } : o;
    for (let tries = 1; ; tries += 1) {
      const answer = await api.call(method, path, asked);
      if (answer.status !== 503 || tries === mostTries) return answer;
    }
  };
  return {
    call,
    async expect(status, schema, method, path, o) {
      return schema.parse(bodyOf(await call(method, path, o), { status, method, path }));
    },
    as: token => askAgain(api.as(token)),
  };
}

/** @throws Error with the whole answer when its status is another than the expected one */
export function bodyOf(answer: Answer, expected: { status: number; method: string; path: string }): unknown {
  const { status, method, path } = expected;
  if (answer.status !== status) {
    throw new Error(`${method} ${path}: expected ${status}, got ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}
