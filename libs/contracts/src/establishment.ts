import { z } from 'zod';
import { defineEvent, defineRequest } from './define.ts';
import {
  depositTerms,
  findLimitProblems,
  lengthDiscount,
  newLengthDiscounts,
  newSeasons,
  newTaxes,
  nightsLimit,
  season,
  tax,
} from './rates.ts';
import {
  actor,
  currency,
  id,
  line,
  locale,
  minorUnits,
  page,
  pageOf,
  payableCurrency,
  text,
  timestamp,
  timezone,
} from './values.ts';

/** Establishments, their keys and chalets: published and answered by the booking service. */

/**
 * Tiers by days before arrival, counted on the establishment's calendar: cancelling at least `daysBefore` days ahead gives
 * back `percentage` of what was paid by then, deposit or all; the best tier that applies counts, and none is nothing back.
 */
export const cancellationPolicy = z.object({
  name: z.enum(['flexible', 'moderate', 'strict', 'custom']),
  tiers: z.array(z.object({ daysBefore: z.int().min(0).max(365), percentage: z.int().min(0).max(100) })).max(10),
});
export type CancellationPolicy = z.infer<typeof cancellationPolicy>;

export const standardPolicies = {
  flexible: { name: 'flexible', tiers: [{ daysBefore: 1, percentage: 100 }] },
  moderate: {
    name: 'moderate',
    tiers: [
      { daysBefore: 14, percentage: 100 },
      { daysBefore: 5, percentage: 50 },
    ],
  },
  strict: { name: 'strict', tiers: [{ daysBefore: 30, percentage: 50 }] },
} as const satisfies Record<string, { name: string; tiers: readonly { daysBefore: number; percentage: number }[] }>;

const policyChoice = z.enum(['flexible', 'moderate', 'strict']);

/** Tiers of an owner's own, in any order. Whoever cancels later does not get more back. */
const customPolicy = z.object({ name: z.literal('custom'), tiers: cancellationPolicy.shape.tiers.min(1) });

/** One of the standard policies by its name, or tiers of one's own. */
const newPolicy = z
  .union([policyChoice, customPolicy], {
    error:
      'must be flexible, moderate or strict, or custom with 1 to 10 tiers: {"name":"custom","tiers":[{"daysBefore":14,"percentage":100}]}',
  })
  .superRefine((policy, context) => {
    if (typeof policy === 'string') return;
    for (const [index, tier] of policy.tiers.entries()) {
      const refuse = (field: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['tiers', index, field], message });
      const others = policy.tiers.slice(0, index);
      if (others.some(other => other.daysBefore === tier.daysBefore)) refuse('daysBefore', 'must not be there twice');
      const contradicts = others.some(
        other => (other.daysBefore - tier.daysBefore) * (other.percentage - tier.percentage) < 0,
      );
      if (contradicts) refuse('percentage', 'must not be more than that of a tier with more days before arrival');
    }
  });

const calendarDrift = z.enum(['restore', 'ask']).meta({
  description:
    'what follows when the event of a booking is moved, renamed or deleted in Google: restore puts it back, ask leaves it until the owner decides',
});
const whenGoogleUnreachable = z.enum(['open', 'closed']).meta({
  description:
    'while the Google calendar of a chalet cannot be consulted: open books by the last copy of it, closed refuses',
});
const guestInvitations = z
  .boolean()
  .meta({ description: 'Google invites the guest by e-mail to the event of the booking, and tells of its changes' });

/** What owners may choose about their calendars. Older publishers do not say it: then it is as it always was. */
const calendarSettings = {
  calendarDrift: calendarDrift.default('restore'),
  whenGoogleUnreachable: whenGoogleUnreachable.default('open'),
  guestInvitations: guestInvitations.default(false),
};

export const newEstablishment = z.object({
  name: line(120),
  timezone,
  currency: payableCurrency,
  locale,
  ...calendarSettings,
  cancellationPolicy: newPolicy.default('moderate'),
  taxes: newTaxes.default([]),
  deposit: depositTerms.nullable().default(null),
});
export const establishmentPatch = z
  .object({
    name: line(120),
    timezone,
    locale,
    calendarDrift,
    whenGoogleUnreachable,
    guestInvitations,
    cancellationPolicy: newPolicy,
    taxes: newTaxes,
    deposit: depositTerms.nullable(),
  })
  .partial()
  .strict();
export const establishment = z.object({
  id,
  name: z.string(),
  timezone,
  currency,
  locale,
  ...calendarSettings,
  cancellationPolicy: policyChoice.meta({ description: 'the standard policy last chosen; `policy` says what applies' }),
  policy: cancellationPolicy.optional(),
  taxes: z.array(tax).default([]),
  deposit: depositTerms.nullable().default(null).meta({ description: 'null: all is paid when booking' }),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type Establishment = z.infer<typeof establishment>;
export const establishmentSnapshot = establishment.extend({ version: z.int().positive() });
export type EstablishmentSnapshot = z.infer<typeof establishmentSnapshot>;

export const newKey = z.object({ name: line(80) });
export const ownerKey = z.object({ id, name: z.string(), createdAt: timestamp, lastUsedAt: timestamp.nullable() });
export const createdKey = z.object({ id, name: z.string(), key: z.string(), createdAt: timestamp });

const guestsLimit = z.int().min(1).max(100);
const chaletFields = {
  name: line(120),
  description: text(5_000).default(''),
  capacity: guestsLimit,
  nightlyRate: minorUnits,
  cleaningFee: minorUnits.default(0),
  minNights: nightsLimit.default(1),
  maxNights: nightsLimit.default(28),
  weekendRate: minorUnits.nullable().default(null),
  seasons: newSeasons.default([]),
  includedGuests: guestsLimit.nullable().default(null),
  extraGuestFee: minorUnits.default(0),
  lengthDiscounts: newLengthDiscounts.default([]),
};
const nightsInOrder = (value: { minNights?: number | undefined; maxNights?: number | undefined }) =>
  value.minNights === undefined || value.maxNights === undefined || value.minNights <= value.maxNights;
const nightsRule = { path: ['maxNights'], message: 'must not be less than minNights' };

export const newChalet = z.object(chaletFields).superRefine((value, context) => {
  for (const problem of findLimitProblems(value)) context.addIssue({ code: 'custom', ...problem });
});
export const chaletPatch = z
  .object({
    name: line(120),
    description: text(5_000),
    capacity: guestsLimit,
    nightlyRate: minorUnits,
    cleaningFee: minorUnits,
    minNights: nightsLimit,
    maxNights: nightsLimit,
    weekendRate: minorUnits.nullable(),
    seasons: newSeasons,
    includedGuests: guestsLimit.nullable(),
    extraGuestFee: minorUnits,
    lengthDiscounts: newLengthDiscounts,
    archived: z.boolean(),
  })
  .partial()
  .strict()
  .refine(nightsInOrder, nightsRule);
/**
 * A chalet with what its establishment lends it (currency, time zone, locale, taxes, deposit), so that a reader needs no
 * join. What older versions did not publish has the value that changes no price.
 */
export const chalet = z.object({
  id,
  establishmentId: id,
  name: z.string(),
  description: z.string(),
  capacity: z.int(),
  nightlyRate: minorUnits,
  cleaningFee: minorUnits,
  minNights: z.int(),
  maxNights: z.int(),
  weekendRate: minorUnits
    .nullable()
    .default(null)
    .meta({ description: 'for Friday and Saturday nights; null: as every other night' }),
  seasons: z.array(season).default([]),
  includedGuests: z
    .int()
    .nullable()
    .default(null)
    .meta({ description: 'guests above this number pay extraGuestFee each night; null: nobody does' }),
  extraGuestFee: minorUnits.default(0),
  lengthDiscounts: z.array(lengthDiscount).default([]),
  taxes: z.array(tax).default([]),
  deposit: depositTerms.nullable().default(null),
  currency,
  timezone,
  locale,
  archived: z.boolean(),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type Chalet = z.infer<typeof chalet>;
/** As events carry it: with what only other services need to know of its establishment. */
export const chaletSnapshot = chalet.extend({
  version: z.int().positive(),
  whenGoogleUnreachable: calendarSettings.whenGoogleUnreachable,
});
export type ChaletSnapshot = z.infer<typeof chaletSnapshot>;

export const establishmentEvents = {
  establishmentCreated: defineEvent({
    subject: 'establishment.created',
    stream: 'BOOKING',
    body: establishmentSnapshot,
  }),
  establishmentUpdated: defineEvent({
    subject: 'establishment.updated',
    stream: 'BOOKING',
    body: establishmentSnapshot,
  }),
  chaletCreated: defineEvent({ subject: 'chalet.created', stream: 'BOOKING', body: chaletSnapshot }),
  chaletUpdated: defineEvent({ subject: 'chalet.updated', stream: 'BOOKING', body: chaletSnapshot }),
  chaletArchived: defineEvent({ subject: 'chalet.archived', stream: 'BOOKING', body: chaletSnapshot }),
};

const deadlineMs = 2_000;
const managed = { actor, establishmentId: id };

export const establishmentRequests = {
  /** Whom a bearer token (owner key or manage token) stands for; refused with `unauthorized` when nobody. */
  authenticate: defineRequest({
    subject: 'svc.booking.authenticate',
    input: z.object({ token: z.string().min(1).max(200) }),
    output: actor,
    deadlineMs,
  }),
  createEstablishment: defineRequest({
    subject: 'svc.booking.create_establishment',
    input: z.object({ actor, establishment: newEstablishment }),
    output: establishment,
    deadlineMs,
  }),
  getEstablishment: defineRequest({
    subject: 'svc.booking.get_establishment',
    input: z.object({ establishmentId: id }),
    output: establishment,
    deadlineMs,
  }),
  updateEstablishment: defineRequest({
    subject: 'svc.booking.update_establishment',
    input: z.object({ ...managed, patch: establishmentPatch }),
    output: establishment,
    deadlineMs,
  }),
  createKey: defineRequest({
    subject: 'svc.booking.create_key',
    input: z.object({ ...managed, name: newKey.shape.name }),
    output: createdKey,
    deadlineMs,
  }),
  listKeys: defineRequest({
    subject: 'svc.booking.list_keys',
    input: z.object({ ...managed, ...page }),
    output: pageOf(ownerKey),
    deadlineMs,
  }),
  deleteKey: defineRequest({
    subject: 'svc.booking.delete_key',
    input: z.object({ ...managed, keyId: id }),
    output: z.object({}),
    deadlineMs,
  }),
  createChalet: defineRequest({
    subject: 'svc.booking.create_chalet',
    input: z.object({ ...managed, chalet: newChalet }),
    output: chalet,
    deadlineMs,
  }),
  listChalets: defineRequest({
    subject: 'svc.booking.list_chalets',
    input: z.object({ establishmentId: id, ...page }),
    output: pageOf(chalet),
    deadlineMs,
  }),
  getChalet: defineRequest({
    subject: 'svc.booking.get_chalet',
    input: z.object({ chaletId: id }),
    output: chalet,
    deadlineMs,
  }),
  updateChalet: defineRequest({
    subject: 'svc.booking.update_chalet',
    input: z.object({ actor, chaletId: id, patch: chaletPatch }),
    output: chalet,
    deadlineMs,
  }),
};
