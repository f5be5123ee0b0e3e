import { addDays, type CivilDate, comparedFrom, dateInZone } from '@monde-sauvage/contracts';
import { z } from 'zod';
import type { Databases } from './databases.ts';
import type { GoogleCopy } from './google-copy.ts';
import type { Limits } from './nothing-stuck.ts';

/** What the checks look at, and how. */
export interface Look {
  databases: Databases;
  /** What the emulator's calendars hold; undefined where the calendar is the real one. */
  google: GoogleCopy | undefined;
  now: Date;
  /** Changes younger than this may still be on their way. 0 for a system that is quiet. */
  graceMs: number;
  limits: Limits;
}

export interface Finding {
  /** The letter in the list of invariants. */
  invariant: string;
  promise: string;
  /** What was looked at, in numbers. */
  looked: string;
  /** In plain words, with ids and without personal data. */
  violations: string[];
}

/** Stays that ended a month ago are history: the cost of a check does not grow with the past. */
export const endingFrom = (look: Look): CivilDate => comparedFrom(look.now);

/** From this day on a stay is not over in any time zone. */
export const notOverFrom = (look: Look): CivilDate => addDays(dateInZone(look.now, 'UTC'), 1);

/** What changed before this must have arrived everywhere. */
export const settledBefore = (look: Look): Date => new Date(look.now.getTime() - look.graceMs);

const chaletsAtOnce = 100;

/** The ids of all chalets, a page at a time: every other query is about one page, whatever it holds. */
export async function* chaletPages(look: Look): AsyncGenerator<string[]> {
  let after: string | undefined = '00000000-0000-0000-0000-000000000000';
  while (after !== undefined) {
    const page: { id: string }[] = await look.databases.booking.rows(
      z.object({ id: z.string() }),
      'SELECT id FROM chalets WHERE id > $1 ORDER BY id LIMIT $2',
      [after, chaletsAtOnce],
    );
    if (page.length > 0) yield page.map(chalet => chalet.id);
    after = page.length === chaletsAtOnce ? page.at(-1)?.id : undefined;
  }
}

/** `3 chalets`, `1 chalet`. */
export const count = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? '' : 's'}`;

/** Rows by a key; of several with one key, all. */
export const by = <T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> => Map.groupBy(rows, key);

/** Rows by a key that is unique. */
export const one = <T>(rows: readonly T[], key: (row: T) => string): Map<string, T> =>
  new Map(rows.map(row => [key(row), row]));
