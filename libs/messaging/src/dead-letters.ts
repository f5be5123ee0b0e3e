import { ErrorCode, type NatsConnection, NatsError } from 'nats';
import type pg from 'pg';
import { v5 } from 'uuid';
import { z } from 'zod';
import { parseJson } from './request.ts';
import { UnavailableError } from './unavailable-error.ts';

/** A message that a consumer gave up on, kept until an operator decides. */
export interface DeadLetter {
  id: string;
  stream: string;
  consumer: string;
  subject: string;
  messageId: string | null;
  /** Raw text as received. */
  body: string;
  headers: Record<string, string>;
  error: string;
  deliveries: number;
  createdAt: Date;
  replayedAt: Date | null;
}

const namespace = '6e5d6c0e-5b0f-4d7e-9a37-6a3f1f0c2b51';
const replayTimeoutMs = 30_000;

const columns = `id, stream, consumer, subject, message_id AS "messageId", body, headers, error, deliveries,
  created_at AS "createdAt", replayed_at AS "replayedAt"`;

/** Where the running consumers of a service take replays: only this consumer, whoever else reads the stream. */
export const replaySubject = (stream: string, consumer: string): string =>
  `svc.${consumer}.replay_dead_letter.${stream}`;

/** Stores it once: the same message of the same consumer, given up twice because of a crash, is one row. */
export async function storeDeadLetter(
  pool: pg.Pool,
  letter: Omit<DeadLetter, 'id' | 'createdAt' | 'replayedAt'> & { streamSequence: number },
): Promise<void> {
  const identity = letter.messageId ?? String(letter.streamSequence);
  const id = v5(`${letter.stream}/${letter.consumer}/${identity}`, namespace);
  // Postgres stores no NUL character, neither in text nor in JSON: a poison message must not poison its own grave.
  const storable = (text: string) => text.replaceAll('\u0000', '\uFFFD');
  const headers = Object.fromEntries(Object.entries(letter.headers).map(([name, value]) => [name, storable(value)]));
  await pool.query(
    `INSERT INTO dead_letters (id, stream, consumer, subject, message_id, body, headers, error, deliveries)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (id) DO UPDATE SET error = excluded.error, deliveries = excluded.deliveries, replayed_at = NULL`,
    [
      id,
      letter.stream,
      letter.consumer,
      letter.subject,
      letter.messageId,
      storable(letter.body),
      JSON.stringify(headers),
      storable(letter.error),
      letter.deliveries,
    ],
  );
}

/** The newest dead letters; those that wait for a decision, or with `replayed` all. */
export async function listDeadLetters(
  pool: pg.Pool,
  o: { limit?: number; replayed?: boolean } = {},
): Promise<DeadLetter[]> {
  const { rows } = await pool.query<DeadLetter>(
    `SELECT ${columns} FROM dead_letters WHERE $1 OR replayed_at IS NULL ORDER BY created_at DESC, id LIMIT $2`,
    [o.replayed ?? false, o.limit ?? 100],
  );
  return rows;
}

export async function findDeadLetter(pool: pg.Pool, id: string): Promise<DeadLetter | undefined> {
  const { rows } = await pool.query<DeadLetter>(`SELECT ${columns} FROM dead_letters WHERE id = $1`, [id]);
  return rows[0];
}

export async function markReplayed(pool: pg.Pool, id: string): Promise<void> {
  await pool.query('UPDATE dead_letters SET replayed_at = now() WHERE id = $1', [id]);
}

/** What a consumer answers to a replay. */
const replayAnswer = z.object({ error: z.string().nullable() });

/**
 * Has a running replica of the service handle the message again, and marks the letter replayed when it succeeds.
 * Handlers are idempotent, so replaying twice does no harm.
 * @throws UnavailableError when no replica of that consumer runs
 * @throws Error when there is no such letter, or handling it failed again (with the handler's reason)
 */
export async function replayDeadLetter(o: { pool: pg.Pool; nc: NatsConnection; id: string }): Promise<void> {
  const letter = await findDeadLetter(o.pool, o.id);
  if (letter === undefined) throw new Error(`there is no dead letter ${o.id}`);
  let text: string;
  try {
    const subject = replaySubject(letter.stream, letter.consumer);
    text = (await o.nc.request(subject, JSON.stringify({ id: o.id }), { timeout: replayTimeoutMs })).string();
  } catch (error) {
    if (error instanceof NatsError && (error.code === ErrorCode.NoResponders || error.code === ErrorCode.Timeout)) {
      throw new UnavailableError(letter.consumer, 'no replica took the replay', { cause: error });
    }
    throw error;
  }
  const { error } = replayAnswer.parse(parseJson(text));
  if (error !== null) throw new Error(`dead letter ${o.id} failed again: ${error}`);
}
