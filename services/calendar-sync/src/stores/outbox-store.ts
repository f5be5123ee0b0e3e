import type { EventContract } from '@monde-sauvage/contracts';
import { outboxRow } from '@monde-sauvage/messaging';
import { z } from 'zod';
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
  await tx.outbox.createMany({ data: rows.map(row => ({ ...row, body: jsonObject.parse(row.body) })) });
}

/** Prisma's JSON input is narrower than `unknown`. */
const jsonObject = z.record(z.string(), z.json());
