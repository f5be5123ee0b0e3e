import { createdBooking, type NewBooking, type Result, refuse, refuseForNow } from '@monde-sauvage/contracts';
import { postgresConstraint, postgresErrorCode, withRetries } from '@monde-sauvage/persistence';
import { z } from 'zod';
import type { Change } from '../booking.ts';
import { toBooking, toSavedChange } from '../booking-rows.ts';
import type { BookingContext, CalendarWord, Origin } from '../context.ts';
import { canonicalJson, hashSecret, newReference, newSecret, openAnswer, sealAnswer } from '../credentials.ts';
import { findOfferedChalet } from '../establishment-queries.ts';
import { placeBooking } from '../placement.ts';
import { releaseExpiredHolds } from './expire-holds.ts';

type CreatedBooking = z.output<typeof createdBooking>;

const placementOutcome = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('placed') }),
  z.object({ outcome: z.literal('replayed'), answer: z.string() }),
  z.object({ outcome: z.literal('key_reused') }),
  z.object({ outcome: z.literal('chalet_changed') }),
  z.object({ outcome: z.literal('unavailable'), expiredHolds: z.array(z.string()) }),
]);
type PlacementOutcome = z.output<typeof placementOutcome> | { outcome: 'reference_taken' };

/** A chalet that changes, holds that have to be released, a reference already given: each costs one more try. */
const maxTries = 5;
const keyLifetimeMs = 24 * 60 * 60_000;

const datesUnavailable = () =>
  refuse('dates_unavailable', 'These nights are no longer free. Choose other dates or another chalet.');
const calendarUnreachable = () =>
  refuse(
    'dates_unavailable',
    'The calendar of this chalet cannot be consulted right now, so nothing can be booked. Try again in a few minutes.',
  );
const keyReused = () =>
  refuse('idempotency_key_reused', 'This Idempotency-Key was used for another booking. Send a new one.');

/**
 * Places a website booking: one read, a pure decision, one statement. With an idempotency key the same request gets
 * the same answer, manage token included, also when both arrive at once. Google is asked only for establishments that
 * chose `closed`.
 */
export async function createBooking(
  ctx: BookingContext,
  input: { booking: NewBooking; idempotencyKey?: string | undefined },
  origin: Origin,
): Promise<Result<CreatedBooking>> {
  const { booking: wish, idempotencyKey } = input;
  const id = ctx.newId();
  const manageToken = newSecret('manageToken');
  const manageTokenHash = hashSecret(manageToken);
  const key = idempotencyKey === undefined ? undefined : { text: idempotencyKey, ...hashesOf(idempotencyKey, wish) };
  const count = (outcome: string) => ctx.metrics.placements.inc({ outcome });
  const answerAgain = (at: Date) => (key === undefined ? undefined : findAnswer(ctx, key, at));
  let holdsReleased = false;
  let calendar: CalendarWord | undefined;

  for (let tries = 0; tries < maxTries; tries += 1) {
    const at = ctx.now();
    const chalet = await withRetries(() => findOfferedChalet(ctx.prisma, wish.chaletId));
    if (!chalet) return refuse('not_found', 'There is no such chalet.');
    const placed = placeBooking(wish, chalet, {
      at,
      holdMinutes: ctx.holdMinutes,
      id,
      reference: newReference(),
      manageTokenHash,
    });
    if (!placed.ok) {
      // What was accepted once is answered the same again, even if it would be refused today.
      const before = await answerAgain(at);
      count(before?.ok ? 'replayed' : placed.refusal.code);
      return before ?? placed;
    }
    if (chalet.whenGoogleUnreachable === 'closed') {
      // Once, and before any lock is taken: the owner wants nothing sold that the calendar was not asked about.
      calendar ??= await ctx.consultCalendar(chalet.id, wish);
      if (calendar !== 'clear') {
        const before = await answerAgain(at);
        count(before?.ok ? 'replayed' : `calendar_${calendar}`);
        return before ?? (calendar === 'busy' ? datesUnavailable() : calendarUnreachable());
      }
    }
    const answer: CreatedBooking = { ...toBooking(placed.value.booking), manageToken };
    const outcome = await commitPlacement(
      ctx,
      placed.value,
      { chaletVersion: chalet.version, key, answer, at },
      origin,
    );
    switch (outcome.outcome) {
      case 'placed':
        ctx.nudgeRelay();
        count('placed');
        return { ok: true, value: answer };
      case 'replayed':
        count('replayed');
        return key ? { ok: true, value: readAnswer(key.text, outcome.answer) } : keyReused();
      case 'key_reused':
        count('idempotency_key_reused');
        return keyReused();
      case 'unavailable':
        if (!holdsReleased && (await releaseExpiredHolds(ctx, outcome.expiredHolds))) {
          holdsReleased = true;
          continue;
        }
        count('dates_unavailable');
        return datesUnavailable();
      case 'chalet_changed':
      case 'reference_taken':
        continue;
      default:
        outcome satisfies never;
    }
  }
  return refuseForNow('The chalet is being changed right now. Try again.');
}

async function commitPlacement(
  ctx: BookingContext,
  change: Change,
  o: {
    chaletVersion: number;
    key: { text: string; keyHash: string; requestHash: string } | undefined;
    answer: CreatedBooking;
    at: Date;
  },
  origin: Origin,
): Promise<PlacementOutcome> {
  const request = JSON.stringify({
    ...toSavedChange(change, { newId: ctx.newId, traceparent: origin.traceparent }),
    chaletVersion: o.chaletVersion,
    idempotency: o.key && {
      key_hash: o.key.keyHash,
      request_hash: o.key.requestHash,
      answer: sealAnswer(o.key.text, JSON.stringify(o.answer)),
      created_at: o.at.toISOString(),
      expires_at: new Date(o.at.getTime() + keyLifetimeMs).toISOString(),
    },
  });
  try {
    const [row] = await withRetries(
      () => ctx.prisma.$queryRaw<{ outcome: unknown }[]>`SELECT place_booking(${request}::jsonb) AS outcome`,
    );
    return placementOutcome.parse(row?.outcome);
  } catch (error) {
    const code = postgresErrorCode(error);
    // The exclusion constraint, or a deadlock over it: somebody else has the nights.
    if (code === '23P01' || code === '40P01') return { outcome: 'unavailable', expiredHolds: [] };
    if (code === '23505' && /reference/.test(`${postgresConstraint(error)} ${error}`))
      return { outcome: 'reference_taken' };
    throw error;
  }
}

const hashesOf = (key: string, wish: NewBooking) => ({
  keyHash: hashSecret(key),
  requestHash: hashSecret(canonicalJson(wish)),
});

async function findAnswer(
  ctx: BookingContext,
  key: { text: string; keyHash: string; requestHash: string },
  at: Date,
): Promise<Result<CreatedBooking> | undefined> {
  const known = await ctx.prisma.idempotencyKey.findUnique({ where: { keyHash: key.keyHash, expiresAt: { gt: at } } });
  if (!known) return undefined;
  if (known.requestHash !== key.requestHash) return keyReused();
  return { ok: true, value: readAnswer(key.text, known.answer) };
}

const readAnswer = (key: string, sealed: string): CreatedBooking =>
  createdBooking.parse(JSON.parse(openAnswer(key, sealed)));
