import { z } from 'zod';
import { faultRuleSchema } from '../shared/faults.ts';
import type { StripeAdmin } from './admin.ts';
import { StripeFault } from './errors.ts';
import { maxLevels } from './expand.ts';

export interface AdminAnswer {
  status: number;
  body: unknown;
}

type Action = (admin: StripeAdmin, input: unknown, id: string) => unknown;

/** An action with a checked JSON body. */
function taking<S extends z.ZodType>(
  schema: S,
  run: (admin: StripeAdmin, input: z.output<S>, id: string) => unknown,
): Action {
  return (admin, input, id) => run(admin, schema.parse(input), id);
}

const some = z.strictObject({ count: z.number().int().nonnegative().default(1) });
const outcome = z.enum(['succeeded', 'failed']);
const ref = z.union([
  z.object({ charge: z.string() }).transform(({ charge }) => ({ charge })),
  z.object({ payment_intent: z.string() }),
]);
const amount = z.number().int().positive().optional();

/** Every action of the administration by HTTP. Bodies are JSON; an empty body is `{}`. */
const actions: Record<string, Action> = {
  'GET faults': admin => admin.faults.list(),
  'POST faults': taking(faultRuleSchema, (admin, rule) => admin.faults.add(rule)),
  'DELETE faults': admin => admin.faults.clear(),
  'GET calls': admin => ({ counts: admin.calls.counts(), calls: admin.calls.list() }),
  'DELETE calls': admin => admin.calls.clear(),
  'GET state': admin => admin.state(),
  'POST reset': admin => admin.reset(),
  'POST up': admin => admin.goUp(),
  'POST down': admin => admin.goDown(),
  'GET clock': admin => ({ now: admin.clock.now().toISOString() }),
  'POST clock': taking(z.strictObject({ moveByMs: z.number().int() }), (admin, { moveByMs }) =>
    admin.clock.moveBy(moveByMs),
  ),
  'DELETE clock': admin => admin.clock.reset(),
  'GET webhooks': admin => admin.webhooks.attempts(),
  'POST webhooks': taking(
    z
      .strictObject({
        url: z.url(),
        secrets: z.array(z.string()).min(1),
        retryDelaysMs: z.array(z.number().nonnegative()).min(1),
        maxAttempts: z.number().int().positive(),
        delayMs: z.number().nonnegative(),
        timeoutMs: z.number().positive(),
        apiVersion: z.string(),
      })
      .partial(),
    (admin, { apiVersion, ...settings }) => {
      const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
      admin.webhooks.configure(given);
      if (apiVersion !== undefined) admin.webhooks.setApiVersion(apiVersion);
    },
  ),
  'POST webhooks/pause': admin => admin.webhooks.pause(),
  'POST webhooks/resume': admin => admin.webhooks.resume(),
  'POST webhooks/drop': taking(some, (admin, { count }) => admin.webhooks.dropNext(count)),
  'POST webhooks/duplicate': taking(some, (admin, { count }) => admin.webhooks.duplicateNext(count)),
  'POST webhooks/reorder': taking(some, (admin, { count }) => admin.webhooks.reorderNext(count)),
  'POST webhooks/redeliver': taking(z.strictObject({ event: z.string() }), async (admin, { event }) => ({
    status: await admin.webhooks.redeliver(event),
  })),
  'POST webhooks/forge': taking(
    z.strictObject({ body: z.string(), secret: z.string().optional(), timestamp: z.number().int().optional() }),
    async (admin, forged) => ({ status: await admin.webhooks.forge(forged) }),
  ),
  'POST webhooks/quiet': admin => admin.webhooks.quiet(),
  'POST sessions/:id/pay': taking(
    z.strictObject({ method: z.enum(['card', 'delayed']).default('card') }),
    (admin, { method }, id) => admin.sessions.pay(id, method),
  ),
  'POST sessions/:id/decline': (admin, _input, id) => admin.sessions.decline(id),
  'POST sessions/:id/settle': taking(z.strictObject({ outcome }), (admin, input, id) =>
    admin.sessions.settle(id, input.outcome),
  ),
  'POST sessions/:id/expire': (admin, _input, id) => admin.sessions.expire(id),
  'POST refunds': taking(z.intersection(ref, z.object({ amount })), (admin, input) => admin.refunds.create(input)),
  'POST refunds/hold': taking(some, (admin, { count }) => admin.refunds.holdNext(count)),
  'POST refunds/:id/settle': taking(z.strictObject({ outcome, reason: z.string().optional() }), (admin, input, id) =>
    admin.refunds.settle(id, input.outcome, input.reason),
  ),
  'POST expansion': taking(z.strictObject({ levels: z.number().int().min(0).max(maxLevels) }), (admin, { levels }) =>
    admin.expansion.limit(levels),
  ),
  'POST disputes': taking(
    z.intersection(
      ref,
      z.object({
        amount,
        reason: z.string().optional(),
        dueInDays: z.number().optional(),
        kind: z.enum(['chargeback', 'inquiry']).optional(),
      }),
    ),
    (admin, input) => admin.disputes.create(input),
  ),
  'POST disputes/:id/escalate': (admin, _input, id) => admin.disputes.escalate(id),
  'POST disputes/:id/evidence': (admin, _input, id) => admin.disputes.submitEvidence(id),
  'POST disputes/:id/close': taking(
    z.strictObject({ outcome: z.enum(['won', 'lost', 'warning_closed']) }),
    (admin, input, id) => admin.disputes.close(id, input.outcome),
  ),
};

/** Answers `/_emulator/…`; `path` is what follows it. Errors are `{error: message}` with 400, 404 or Stripe's own status. */
export async function answerAdminCall(
  admin: StripeAdmin,
  method: string,
  path: string,
  body: string,
): Promise<AdminAnswer> {
  const [group, id = '', verb] = path.split('/');
  const action = actions[`${method} ${path}`] ?? actions[`${method} ${group}/:id/${verb}`];
  if (!action)
    return { status: 404, body: { error: `There is no ${method} /_emulator/${path}`, actions: Object.keys(actions) } };
  try {
    const result = await action(admin, body === '' ? {} : JSON.parse(body), id);
    return { status: 200, body: result ?? {} };
  } catch (error) {
    if (error instanceof StripeFault) return { status: error.status, body: { error: error.message } };
    if (error instanceof z.ZodError) return { status: 400, body: { error: z.prettifyError(error) } };
    if (error instanceof SyntaxError) return { status: 400, body: { error: error.message } };
    throw error;
  }
}
