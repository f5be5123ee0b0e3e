import { createHash } from 'node:crypto';
import { StripeFault } from './errors.ts';
import type { StoredAnswer, StripeState } from './store.ts';

const keptSeconds = 24 * 60 * 60;

export interface IdempotencyKeys {
  /**
   * The stored answer of this key, or undefined after reserving the key for this call.
   * Throws Stripe's 400 for other parameters and 409 while the first call is still running.
   */
  begin(key: string, fingerprint: string): StoredAnswer | undefined;
  /** The call ended. Without an answer nothing is stored and the key is free again. */
  end(key: string, answer: StoredAnswer | undefined): void;
}

/** What must be the same for two calls with one key to be the same call. */
export function fingerprintOf(method: string, path: string, body: string): string {
  const fields = [...new URLSearchParams(body)].map(field => field.join('=')).sort();
  return createHash('sha256')
    .update(JSON.stringify([method, path, fields]))
    .digest('base64');
}

/** Stripe: idempotent requests. Keys are kept for 24 hours by the emulator's clock. */
export function createIdempotencyKeys(state: () => StripeState, now: () => number): IdempotencyKeys {
  const running = new Map<string, string>();
  return {
    begin(key, fingerprint) {
      const stored = state().idempotency[key];
      const known = stored && now() - stored.at < keptSeconds ? stored : undefined;
      const first = known?.fingerprint ?? running.get(key);
      if (first !== undefined && first !== fingerprint) {
        const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`;
        throw new StripeFault(400, { type: 'idempotency_error', message });
      }
      if (known) return known;
      if (running.has(key)) {
        const message = `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. You can try again later.`;
        throw new StripeFault(409, { type: 'idempotency_error', code: 'idempotency_key_in_use', message });
      }
      running.set(key, fingerprint);
      return undefined;
    },
    end(key, answer) {
      running.delete(key);
      if (answer) state().idempotency[key] = answer;
    },
  };
}
