import {
  type Chalet,
  type ChaletSnapshot,
  type Establishment,
  type EstablishmentSnapshot,
  establishmentEvents,
} from '@monde-sauvage/contracts';
import { outboxRow } from '@monde-sauvage/messaging';
import type { EventOrigin } from './booking-rows.ts';
import type { Chalet as ChaletRow, Establishment as EstablishmentRow } from './generated/prisma/client.ts';

type ChaletWithEstablishment = ChaletRow & { establishment: EstablishmentRow };

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
