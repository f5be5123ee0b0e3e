import { z } from 'zod';
import type { Databases } from './databases.ts';
import { chaletPages, count, endingFrom, type Finding, type Look, one, settledBefore } from './look.ts';

const version = z.object({ id: z.string(), version: z.int() });
const truth = version.extend({ source: z.string(), changedAt: z.date() });
type Version = z.output<typeof version>;

/** Who keeps what of booking's rows, and where. */
const copies = [
  { service: 'availability', table: 'stays', id: 'booking_id', source: 'all' },
  { service: 'calendar-sync', table: 'mirrors', id: 'booking_id', source: 'website' },
  { service: 'payment', table: 'bookings', id: 'id', source: 'website' },
] as const;

const facts = [
  { thing: 'chalet', table: 'chalets', keepers: ['availability', 'calendar-sync', 'payment'] },
  { thing: 'establishment', table: 'establishments', keepers: ['calendar-sync'] },
] as const;

/** C: every committed version of a booking, a chalet and an establishment has reached everybody who keeps a copy. */
export async function checkEveryVersion(look: Look): Promise<Finding> {
  const violations: string[] = [];
  let bookings = 0;
  for await (const chalets of chaletPages(look)) {
    const known = await look.databases.booking.rows(
      truth,
      `SELECT id, version, source, updated_at AS "changedAt" FROM bookings
       WHERE chalet_id = ANY($1::uuid[]) AND end_date >= $2`,
      [chalets, endingFrom(look)],
    );
    bookings += known.length;
    for (const copy of copies) violations.push(...(await compareBookings(look, copy, chalets, known)));
  }
  const checked = { chalet: 0, establishment: 0 };
  for (const fact of facts) {
    const result = await compareFacts(look, fact);
    violations.push(...result.violations);
    checked[fact.thing] = result.checked;
  }
  return {
    invariant: 'C',
    promise: 'every committed version reaches every consumer',
    looked: `${count(bookings, 'booking')}, ${count(checked.chalet, 'chalet')} and ${count(checked.establishment, 'establishment')} against their copies`,
    violations,
  };
}

async function compareBookings(
  look: Look,
  copy: (typeof copies)[number],
  chalets: string[],
  known: z.output<typeof truth>[],
): Promise<string[]> {
  const wanted = known.filter(booking => copy.source === 'all' || booking.source === 'website');
  const held = await look.databases[copy.service].rows(
    version,
    `SELECT ${copy.id} AS id, version FROM ${copy.table} WHERE ${copy.id} = ANY($1::uuid[])
     UNION SELECT ${copy.id}, version FROM ${copy.table} WHERE chalet_id = ANY($2::uuid[]) AND end_date >= $3`,
    [wanted.map(booking => booking.id), chalets, endingFrom(look)],
  );
  const copied = one(held, row => row.id);
  const late = wanted.filter(
    booking => (copied.get(booking.id)?.version ?? 0) < booking.version && booking.changedAt <= settledBefore(look),
  );
  const newest = one(wanted, row => row.id);
  const ahead = held.filter(row => row.version > (newest.get(row.id)?.version ?? 0));
  return [
    ...late.map(booking => {
      const has = copied.get(booking.id);
      return `booking ${booking.id} is at version ${booking.version}, ${copy.service} has ${has ? `version ${has.version}` : 'never heard of it'}`;
    }),
    ...(await findUncommitted(look.databases, 'bookings', copy.service, ahead)),
  ];
}

/** A copy may know more than was read a moment before, never more than was committed. */
async function findUncommitted(
  { booking }: Databases,
  table: 'bookings' | 'chalets' | 'establishments',
  service: string,
  ahead: Version[],
): Promise<string[]> {
  if (ahead.length === 0) return [];
  const sql = `SELECT id, version FROM ${table} WHERE id = ANY($1::uuid[])`;
  const committed = one(await booking.rows(version, sql, [ahead.map(row => row.id)]), row => row.id);
  return ahead.flatMap(row => {
    const truly = committed.get(row.id);
    if (truly && truly.version >= row.version) return [];
    const thing = table.slice(0, -1);
    return truly
      ? `${service} has version ${row.version} of ${thing} ${row.id}, booking is at version ${truly.version}`
      : `${service} has ${thing} ${row.id}, which booking does not have`;
  });
}

const atOnce = 5_000;
const fact = version.extend({ changedAt: z.date() });

async function compareFacts(look: Look, o: (typeof facts)[number]): Promise<{ checked: number; violations: string[] }> {
  const violations: string[] = [];
  let checked = 0;
  let after = '00000000-0000-0000-0000-000000000000';
  for (let more = true; more; ) {
    const known = await look.databases.booking.rows(
      fact,
      `SELECT id, version, updated_at AS "changedAt" FROM ${o.table} WHERE id > $1 ORDER BY id LIMIT $2`,
      [after, atOnce],
    );
    more = known.length === atOnce;
    const until = more ? known.at(-1)?.id : 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    for (const service of o.keepers) {
      const sql = `SELECT id, version FROM ${o.table} WHERE id > $1 AND id <= $2`;
      const held = await look.databases[service].rows(version, sql, [after, until]);
      const copied = one(held, row => row.id);
      for (const row of known) {
        const has = copied.get(row.id);
        if ((has?.version ?? 0) >= row.version || row.changedAt > settledBefore(look)) continue;
        violations.push(
          `${o.thing} ${row.id} is at version ${row.version}, ${service} has ${has ? `version ${has.version}` : 'never heard of it'}`,
        );
      }
      const newest = one(known, row => row.id);
      const ahead = held.filter(row => row.version > (newest.get(row.id)?.version ?? 0));
      violations.push(...(await findUncommitted(look.databases, o.table, service, ahead)));
    }
    checked += known.length;
    after = until ?? after;
  }
  return { checked, violations };
}
