import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeDrift } from '@monde-sauvage/persistence';
import { createTestDatabase } from '@monde-sauvage/testkit';
import { prismaDir } from '../src/service.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase({ prismaDir });
});
afterAll(() => database.drop());

test('the migrations make what the schema describes', async () => {
  expect(await describeDrift({ databaseUrl: database.databaseUrl, prismaDir })).toBe('');
});
