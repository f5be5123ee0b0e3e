/** A day on the calendar without a time or a zone: `YYYY-MM-DD`. */
export type CivilDate = string;

/**
 * The civil date of a Prisma `@db.Date` value, which arrives as midnight UTC whatever the process's time zone.
 * @throws RangeError when the value carries a time of day: then it did not come from a DATE column.
 */
export function civilDateFromDb(date: Date): CivilDate {
  const iso = date.toISOString();
  if (!iso.endsWith('T00:00:00.000Z')) throw new RangeError(`not a civil date: ${iso}`);
  return iso.slice(0, 10);
}

/**
 * The value to hand to Prisma for a `@db.Date` column: midnight UTC of that day.
 * @throws RangeError for anything but an existing day as `YYYY-MM-DD` (2027-02-29 does not exist).
 */
export function civilDateToDb(date: CivilDate): Date {
  const midnight = new Date(`${date}T00:00:00.000Z`);
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== date) {
    throw new RangeError(`not a civil date: ${date}`);
  }
  return midnight;
}
