import type { EventContract } from '@monde-sauvage/contracts';
import { outboxRow } from '@monde-sauvage/messaging';
import type { z } from 'zod';
import type { Context, Transaction } from '../context.ts';

/** Writes events in the transaction of the change they tell; nudge the relay after the commit. */
export async function writeEvents<S extends z.ZodType>(
  tx: Transaction,
  context: Pick<Context, 'newId' | 'now'>,
  contract: EventContract<S>,
  events: { aggregateId: string; body: z.input<S> }[],
): Promise<void> {
  if (events.length === 0) return;
  const at = context.now();
  const rows = events.map(({ aggregateId, body }) =>
    outboxRow(contract, body, { id: context.newId(), aggregateId, at }),
  );
  // One parameter, however many they are: Prisma would compile a statement of thousands of values on the event loop.
  await tx.$executeRaw`
    INSERT INTO outbox (id, subject, body, headers, created_at)
    SELECT row.id, row.subject, row.body, row.headers, row."createdAt"
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS row (id uuid, subject text, body jsonb, headers jsonb, "createdAt" timestamptz)`;
}
