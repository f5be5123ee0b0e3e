import { z } from 'zod';
import { type CivilDate, daysBetween, isCivilDate, isTimezone } from './civil-date.ts';

/** Schemas of the values every subject and HTTP body is made of. */

export const id = z.uuid().meta({ description: 'UUIDv7', example: '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11' });

export const civilDate = z
  .string()
  .refine(isCivilDate, 'must be an existing date written YYYY-MM-DD')
  .meta({ description: 'civil date', format: 'date', example: '2027-02-10' }) satisfies z.ZodType<CivilDate>;

/** RFC 3339, always UTC. */
export const timestamp = z.iso.datetime({ offset: false }).meta({ example: '2027-01-15T14:03:22.117Z' });

const currencies = new Set(Intl.supportedValuesOf('currency'));
export const currency = z
  .string()
  .refine(code => currencies.has(code), 'must be an ISO 4217 currency such as CAD')
  .meta({ example: 'CAD' });

/**
 * How many digits of an amount stand behind the point, as Stripe counts them. Not what Intl says, which leaves out digits
 * that people do not use: it writes 10.00 HUF as 10 HUF.
 */
export const decimalsOf = (code: string): number => {
  if (withoutMinorUnits.has(code)) return 0;
  return withThousandths.has(code) ? 3 : 2;
};
const withoutMinorUnits = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
const withThousandths = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND']);
/** Stripe counts hundredths of these and refuses whatever is not a whole unit. */
const onlyWhole = new Set(['ISK', 'UGX']);

/** A currency in which every whole number of minor units can be charged and given back. */
export const payableCurrency = currency.refine(
  code => !withThousandths.has(code) && !onlyWhole.has(code),
  'cannot be charged to the last digit by card; choose another currency',
);

export const timezone = z
  .string()
  .refine(isTimezone, 'must be an IANA time zone such as America/Toronto')
  .meta({ example: 'America/Toronto' });

export const locale = z
  .string()
  .refine(tag => {
    try {
      return Intl.getCanonicalLocales(tag).length === 1;
    } catch {
      return false;
    }
  }, 'must be a BCP 47 language tag such as fr-CA')
  .meta({ example: 'fr-CA' });

/** Whole minor units (cents) of the currency that stands beside it. */
export const minorUnits = z.int().min(0).max(100_000_000);

/** JSON can carry half of a surrogate pair, and PostgreSQL's jsonb refuses it. */
const isWellFormed = (value: string): boolean => value.isWellFormed();
const halfCharacter = 'must be valid Unicode';

/** One line of text a person typed: trimmed, no control characters (PostgreSQL and calendars refuse NUL). */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .max(max)
    .regex(/[\p{L}\p{N}\p{P}\p{S}]/u, 'must not be empty')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must not contain control characters')
    .refine(isWellFormed, halfCharacter);

/** Text of several lines. */
export const text = (max: number) =>
  z
    .string()
    .trim()
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
    .regex(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$/, 'must not contain control characters')
    .refine(isWellFormed, halfCharacter);

export const email = z.email('must be an e-mail address').max(254).meta({ example: 'john.doe@example.com' });
export const phone = z
  .string()
  .trim()
  .regex(/^\+?[\d\s().-]{5,30}$/, 'must be a telephone number')
  .meta({ example: '+1 418 555 0199' });

/** A range that a reader asks about: `from` is included, `to` is not. */
export const dateRange = { from: civilDate, to: civilDate };

/** Adds the rule `from < to`, at most `maxDays` apart, to a schema with a date range. */
export const withRangeRule = <S extends z.ZodType<{ from?: CivilDate | undefined; to?: CivilDate | undefined }>>(
  schema: S,
  maxDays: number,
) =>
  schema.superRefine((value, context) => {
    // The rule is asked also of dates that were refused already.
    if (!isCivilDate(value.from ?? '') || !isCivilDate(value.to ?? '')) return;
    if (value.from === undefined || value.to === undefined) return;
    const days = daysBetween(value.from, value.to);
    if (days < 1) context.addIssue({ code: 'custom', path: ['to'], message: 'must be after from' });
    if (days > maxDays) {
      context.addIssue({ code: 'custom', path: ['to'], message: `must be at most ${maxDays} days after from` });
    }
  });

export const page = {
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(500).optional(),
};

export const pageOf = <S extends z.ZodType>(item: S) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/** Who asks. Made by the gateway from the credential; every service checks what this actor may do to its rows. */
export const actor = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('admin') }),
  z.object({ kind: z.literal('owner'), establishmentId: id, keyId: id }),
  z.object({ kind: z.literal('guest'), bookingId: id }),
]);
export type Actor = z.infer<typeof actor>;

/** An owner manages the own establishment; the platform's administrator all of them. */
export const mayManage = (who: Actor, establishmentId: string): boolean =>
  who.kind === 'admin' || (who.kind === 'owner' && who.establishmentId === establishmentId);
