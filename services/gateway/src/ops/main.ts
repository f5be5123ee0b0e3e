import { paymentRequests } from '@monde-sauvage/contracts';
import { closeNats, connectNats, request } from '@monde-sauvage/messaging';
import { createLogger, parseConfig } from '@monde-sauvage/service-kit';
import { z } from 'zod';
import { type Command, readCommand, usage } from './command.ts';
import { asTable } from './table.ts';

/**
 * `npm run ops`, and `ops.mjs` in the gateway's image: what an operator asks a running system, by NATS: that of `npm start`,
 * or the one that `NATS_URL` (and `NATS_CREDS`) names, with the rights of the gateway. Exit code 0 when there is nothing to do, 1 when something differed
 * or waits for a person, 2 when it could not be asked.
 */
const variables = z.object({
  NATS_URL: z.string().optional(),
  NATS_PORT: z.coerce.number().int().default(14_222),
  NATS_CREDS: z.string().optional(),
});
type Nats = Awaited<ReturnType<typeof connectNats>>;
const actor = { kind: 'admin' } as const;
const say = (line: string) => process.stdout.write(`${line}\n`);

async function reconcile(nc: Nats, days: number): Promise<number> {
  const answer = await request(nc, paymentRequests.reconcile, { actor, days });
  if (!answer.ok) throw new Error(answer.refusal.message);
  const { since, looked, undeliveredEvents, differences, complete } = answer.value;
  const counts = Object.entries(looked).map(([kind, count]) => `${count} ${kind}`);
  say(`compared with Stripe since ${since}: ${counts.join(', ')}; ${undeliveredEvents} undelivered events fetched`);
  if (!complete) say('there is more than one look reads: ask again with fewer --days');
  if (differences.length === 0) say('nothing differed');
  else {
    const header = ['kind', 'stripe', 'booking', 'problem', 'before', 'now'];
    say(
      asTable(
        header,
        differences.map(d => [d.kind, d.stripeId, d.bookingId ?? '-', d.problem, d.before ?? '-', d.after]),
      ),
    );
  }
  return differences.length > 0 || !complete ? 1 : 0;
}

async function review(nc: Nats): Promise<number> {
  const answer = await request(nc, paymentRequests.listReviews, { actor });
  if (!answer.ok) throw new Error(answer.refusal.message);
  const { payments, events, total } = answer.value;
  if (total === 0) {
    say('nothing waits for a person');
    return 0;
  }
  const rows = [
    ...payments.map(p => [p.paymentId, `booking ${p.bookingReference}, ${p.status}`, p.reason, p.since]),
    ...events.map(e => [e.id, `${e.type} ${e.objectId}`, e.reason, e.since]),
  ];
  say(asTable(['id', 'what', 'reason', 'since'], rows));
  if (total > rows.length) say(`… and ${total - rows.length} more`);
  return 1;
}

async function resolve(nc: Nats, id: string, note: string): Promise<number> {
  const answer = await request(nc, paymentRequests.resolveReview, { actor, id, note });
  if (!answer.ok) throw new Error(answer.refusal.message);
  say(`${id}: ${answer.value.resolved}`);
  return 0;
}

function execute(nc: Nats, command: Exclude<Command, { verb: 'help' | 'wrong' }>): Promise<number> {
  switch (command.verb) {
    case 'reconcile':
      return reconcile(nc, command.days);
    case 'review':
      return review(nc);
    case 'resolve':
      return resolve(nc, command.id, command.note);
    default:
      return command satisfies never;
  }
}

async function run(): Promise<number> {
  const command = readCommand(process.argv.slice(2));
  if (command.verb === 'wrong') throw new Error(`${command.message}\n${usage}`);
  if (command.verb === 'help') {
    say(usage);
    return 0;
  }
  const env = parseConfig(variables, process.env);
  const nc = await connectNats({
    servers: env.NATS_URL ?? `nats://127.0.0.1:${env.NATS_PORT}`,
    service: 'gateway',
    credsFile: env.NATS_CREDS,
    logger: createLogger({ service: 'ops', level: 'fatal' }),
  });
  try {
    return await execute(nc, command);
  } finally {
    await closeNats(nc);
  }
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
