import {
  type CancellationPolicy,
  type Chalet,
  type ChaletSnapshot,
  cancellationPolicy,
  depositTerms,
  type Establishment,
  type EstablishmentSnapshot,
  establishmentEvents,
  type establishmentPatch,
  lengthDiscount,
  season,
  standardPolicies,
  tax,
} from '@monde-sauvage/contracts';
import { outboxRow } from '@monde-sauvage/messaging';
import { z } from 'zod';
import type { EventOrigin } from './booking-rows.ts';
import { type Chalet as ChaletRow, type Establishment as EstablishmentRow, Prisma } from './generated/prisma/client.ts';
import type { WithoutUndefined } from './operations/patch.ts';

type ChaletWithEstablishment = ChaletRow & { establishment: EstablishmentRow };

/** What the jsonb columns of both tables hold. */
export const ratesColumns = {
  seasons: z.array(season),
  lengthDiscounts: z.array(lengthDiscount),
  taxes: z.array(tax),
  deposit: depositTerms.nullable(),
  cancellationTiers: cancellationPolicy.shape.tiers.nullable(),
};

/** The policy that applies: an owner's own tiers, or those of the standard policy. */
export const policyOf = (
  standard: Establishment['cancellationPolicy'],
  own: CancellationPolicy['tiers'] | null,
): CancellationPolicy =>
  own === null
    ? { name: standard, tiers: standardPolicies[standard].tiers.map(tier => ({ ...tier })) }
    : { name: 'custom', tiers: own };

/** The policy as an owner chose it; own tiers from the most days before arrival to the least. */
export const policyChoiceOf = (row: EstablishmentRow): PolicyChoice => {
  const tiers = ratesColumns.cancellationTiers.parse(row.cancellationTiers);
  return tiers === null ? row.cancellationPolicy : { name: 'custom', tiers };
};

type Settings = z.output<typeof establishmentPatch>;
type PolicyChoice = NonNullable<Settings['cancellationPolicy']>;

/** What a request sets of an establishment, as its row holds it. */
export const settingColumns = ({ cancellationPolicy, deposit, ...fields }: WithoutUndefined<Settings>) => ({
  ...fields,
  ...(cancellationPolicy === undefined ? {} : policyColumns(cancellationPolicy)),
  ...(deposit === undefined ? {} : { deposit: deposit ?? Prisma.DbNull }),
});

const policyColumns = (choice: PolicyChoice) =>
  typeof choice === 'string'
    ? { cancellationPolicy: choice, cancellationTiers: Prisma.DbNull }
    : { cancellationTiers: choice.tiers.toSorted((a, b) => b.daysBefore - a.daysBefore) };

export const toEstablishment = (row: EstablishmentRow): Establishment => ({
  id: row.id,
  name: row.name,
  timezone: row.timezone,
  currency: row.currency,
  locale: row.locale,
  cancellationPolicy: row.cancellationPolicy,
  calendarDrift: row.calendarDrift,
  whenGoogleUnreachable: row.whenGoogleUnreachable,
  guestInvitations: row.guestInvitations,
  policy: policyOf(row.cancellationPolicy, ratesColumns.cancellationTiers.parse(row.cancellationTiers)),
  taxes: ratesColumns.taxes.parse(row.taxes),
  deposit: ratesColumns.deposit.parse(row.deposit),
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});

/** With what the establishment lends it, so that a reader needs no join. */
export const toChalet = (row: ChaletRow, establishment: EstablishmentRow): Chalet => ({
  id: row.id,
  establishmentId: row.establishmentId,
  name: row.name,
  description: row.description,
  capacity: row.capacity,
  nightlyRate: row.nightlyRate,
  cleaningFee: row.cleaningFee,
  minNights: row.minNights,
  maxNights: row.maxNights,
  weekendRate: row.weekendRate,
  seasons: ratesColumns.seasons.parse(row.seasons),
  includedGuests: row.includedGuests,
  extraGuestFee: row.extraGuestFee,
  lengthDiscounts: ratesColumns.lengthDiscounts.parse(row.lengthDiscounts),
  taxes: ratesColumns.taxes.parse(establishment.taxes),
  deposit: ratesColumns.deposit.parse(establishment.deposit),
  currency: establishment.currency,
  timezone: establishment.timezone,
  locale: establishment.locale,
  archived: row.archivedAt !== null,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});

const toEstablishmentSnapshot = (row: EstablishmentRow): EstablishmentSnapshot => ({
  ...toEstablishment(row),
  version: row.version,
});

const toChaletSnapshot = ({ establishment, ...row }: ChaletWithEstablishment): ChaletSnapshot => ({
  ...toChalet(row, establishment),
  whenGoogleUnreachable: establishment.whenGoogleUnreachable,
  version: row.version,
});

const establishmentContracts = {
  created: establishmentEvents.establishmentCreated,
  updated: establishmentEvents.establishmentUpdated,
} as const;
const chaletContracts = {
  created: establishmentEvents.chaletCreated,
  updated: establishmentEvents.chaletUpdated,
  archived: establishmentEvents.chaletArchived,
} as const;

/** An establishment's newest snapshot as a row of the outbox. */
export const establishmentEventRow = (
  kind: keyof typeof establishmentContracts,
  row: EstablishmentRow,
  at: Date,
  origin: EventOrigin,
) =>
  outboxRow(establishmentContracts[kind], toEstablishmentSnapshot(row), {
    id: origin.newId(),
    aggregateId: row.id,
    at,
    traceparent: origin.traceparent,
  });

/** A chalet's newest snapshot as a row of the outbox. */
export const chaletEventRow = (
  kind: keyof typeof chaletContracts,
  row: ChaletWithEstablishment,
  at: Date,
  origin: EventOrigin,
) =>
  outboxRow(chaletContracts[kind], toChaletSnapshot(row), {
    id: origin.newId(),
    aggregateId: row.id,
    at,
    traceparent: origin.traceparent,
  });
