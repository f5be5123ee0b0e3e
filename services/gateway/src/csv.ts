import { dateInZone, type LedgerEntry, toMajorUnits } from '@monde-sauvage/contracts';

/** CSV (RFC 4180) of an owner's ledger: for spreadsheets and for programs. */

const columns = [
  'date',
  'occurred_at',
  'kind',
  'amount',
  'currency',
  'amount_minor',
  'booking_reference',
  'booking_id',
  'payment_id',
  'purpose',
  'stripe_id',
  'stripe_charge_id',
  'stripe_payment_intent_id',
] as const;

export const csvHeader = `${columns.join(',')}\r\n`;

/** One line; `date` is the day on the establishment's calendar. */
export function toCsvLine(entry: LedgerEntry, timezone: string): string {
  const row: Record<(typeof columns)[number], string> = {
    date: dateInZone(new Date(entry.occurredAt), timezone),
    occurred_at: entry.occurredAt,
    kind: entry.kind,
    amount: toMajorUnits(entry.amount, entry.currency),
    currency: entry.currency,
    amount_minor: String(entry.amount),
    booking_reference: escapeText(entry.bookingReference),
    booking_id: entry.bookingId,
    payment_id: entry.paymentId,
    purpose: entry.purpose,
    stripe_id: escapeText(entry.stripe.id),
    stripe_charge_id: escapeText(entry.stripe.chargeId),
    stripe_payment_intent_id: escapeText(entry.stripe.paymentIntentId ?? ''),
  };
  return `${columns.map(name => row[name]).join(',')}\r\n`;
}

/** Quoted where it must be; a text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP: CSV injection). */
export function escapeText(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
