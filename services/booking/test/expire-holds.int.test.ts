import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createPool, prismaAdapter } from '@monde-sauvage/persistence';
import { createMetrics, newId } from '@monde-sauvage/service-kit';
import { createTestDatabase, silentLogger } from '@monde-sauvage/testkit';
import { type BookingContext, bookingMetrics } from '../src/context.ts';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { expireHolds } from '../src/operations/expire-holds.ts';
import { ids } from './builders.ts';

const prismaDir = fileURLToPath(new URL('../prisma', import.meta.url));
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

let ctx: BookingContext;
let close: () => Promise<void>;
beforeAll(async () => {
  const database = await createTestDatabase({ prismaDir });
  const pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test' });
  const prisma = new PrismaClient({ adapter: prismaAdapter(pool) });
  ctx = {
    prisma,
    now: () => new Date(),
    newId,
    holdMinutes: 30,
    holdMaxMinutes: 120,
    logger: silentLogger,
    metrics: bookingMetrics(createMetrics('test')),
    settleHold: async () => {
      throw new Error('payment does not answer');
    },
    consultCalendar: async () => 'clear',
    nudgeRelay: () => undefined,
  };
  close = async () => {
    await prisma.$disconnect();
    await pool.end();
    await database.drop();
  };
  const times = { createdAt: new Date(), updatedAt: new Date(), version: 1 };
  const { establishment: establishmentId, chalet } = ids;
  await prisma.establishment.create({
    data: {
      id: establishmentId,
      name: 'e',
      timezone: 'UTC',
      currency: 'CAD',
      locale: 'fr',
      cancellationPolicy: 'strict',
      ...times,
    },
  });
  await prisma.chalet.create({
    data: {
      id: chalet,
      establishmentId,
      name: 'c',
      description: '',
      capacity: 2,
      nightlyRate: 1,
      cleaningFee: 0,
      minNights: 1,
      maxNights: 9,
      ...times,
    },
  });
});
afterAll(() => close());

const hold = (day: number, fields: { holdExpiresAt: Date; holdLeaseUntil?: Date; checkoutOpenUntil?: Date }) =>
  ctx.prisma.booking.create({
    data: {
      id: newId(),
      reference: `MS-${day}`,
      chaletId: ids.chalet,
      establishmentId: ids.establishment,
      startDate: new Date(Date.UTC(2027, 0, day)),
      endDate: new Date(Date.UTC(2027, 0, day + 1)),
      status: 'pending',
      source: 'website',
      customerName: 'John Doe',
      version: 1,
      createdAt: minutesAgo(60),
      updatedAt: minutesAgo(60),
      ...fields,
    },
  });

it('a batch of holds that payment cannot decide does not come before one that waits for the first time', async () => {
  const undecided = { holdExpiresAt: minutesAgo(10), checkoutOpenUntil: minutesAgo(10), holdLeaseUntil: new Date() };
  for (let day = 1; day <= 50; day += 1) await hold(day, undecided);
  const fresh = await hold(51, { holdExpiresAt: minutesAgo(1) });
  await expireHolds(ctx, new AbortController().signal);
  expect(await ctx.prisma.booking.findUnique({ where: { id: fresh.id } })).toMatchObject({ status: 'cancelled' });
});
