import { type Actor, type driftDecision, mayManage, ok, type Result, refuse } from '@monde-sauvage/contracts';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { unmetDecisions, viewDecision } from '../stores/decision-store.ts';

type View = z.input<typeof driftDecision>;

/** The changes in Google that wait for an owner's decision, oldest first. Ids are in order of time. */
export async function listDecisions(
  context: Context,
  input: { actor: Actor; establishmentId: string; limit: number; cursor?: string | undefined },
): Promise<Result<{ items: View[]; nextCursor: string | null }>> {
  const { actor, establishmentId, limit, cursor } = input;
  if (!mayManage(actor, establishmentId)) return refuse('not_found', 'There is no such establishment.');
  if (cursor !== undefined && !z.uuid().safeParse(cursor).success) {
    return refuse('validation_failed', 'The cursor is not one this list gave out.', [
      { path: 'cursor', message: 'must be a nextCursor of this list' },
    ]);
  }
  const rows = await context.db.driftDecision.findMany({
    where: { establishmentId, ...unmetDecisions, ...(cursor === undefined ? {} : { id: { gt: cursor } }) },
    orderBy: { id: 'asc' },
    take: limit + 1,
  });
  const items = rows.slice(0, limit).map(viewDecision);
  return ok({ items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null });
}
