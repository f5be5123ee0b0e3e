import { z } from 'zod';
import { type Result, refuse } from './define.ts';

/** Where a page ended, as an opaque text. */
const encodeCursor = (position: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');

/** @returns the position, undefined without a cursor, or `validation_failed` for one that we did not make */
export function decodeCursor<S extends z.ZodType>(
  position: S,
  cursor: string | undefined,
): Result<z.output<S> | undefined> {
  if (cursor === undefined) return { ok: true, value: undefined };
  const parsed = z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown;
      } catch {
        context.addIssue('unreadable');
        return z.NEVER;
      }
    })
    .pipe(position)
    .safeParse(cursor);
  if (parsed.success) return { ok: true, value: parsed.data };
  return refuse('validation_failed', 'The cursor is not valid.', [
    { path: 'cursor', message: 'must be the nextCursor of a page of this list' },
  ]);
}

/** A page of what was read with `limit + 1`: the surplus says whether more follows. */
export function pageOfRows<R, T>(
  rows: readonly R[],
  limit: number,
  o: { item: (row: R) => T; position: (row: R) => readonly (string | number)[] },
): { items: T[]; nextCursor: string | null } {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return {
    items: kept.map(o.item),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(o.position(last)) : null,
  };
}
