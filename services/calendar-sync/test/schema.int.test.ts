import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createPool, describeDrift, migrate } from '@monde-sauvage/persistence';
import { newId } from '@monde-sauvage/service-kit';
import { createTestDatabase } from '@monde-sauvage/testkit';
import { prismaDir } from '../src/service.ts';

test('the migrations make what the schema describes', async () => {
  const database = await createTestDatabase({ prismaDir });
  try {
    expect(await describeDrift({ databaseUrl: database.databaseUrl, prismaDir })).toBe('');
  } finally {
    await database.drop();
  }
});

/** As docs/operations.md tells it, "A calendar that serves two chalets". */
test('a database in which two chalets share a calendar can be brought up to date once one of them gives it up', async () => {
  const unique = '20261122193500_one_chalet_per_calendar';
  const older = await mkdtemp(join(tmpdir(), 'older-schema-'));
  await cp(prismaDir, older, { recursive: true });
  const newer = (await readdir(join(older, 'migrations'))).filter(name => /^\d/.test(name) && name >= unique);
  for (const name of newer) await rm(join(older, 'migrations', name), { recursive: true });
  const database = await createTestDatabase({ prismaDir: older });
  const pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test' });
  try {
    const [first, second] = [newId(), newId()];
    for (const chaletId of [first, second]) {
      await pool.query(
        `INSERT INTO calendars (chalet_id, establishment_id, calendar_id, generation, next_sync_at, status)
         VALUES ($1, $2, 'shared@example.com', 1, now(), 'ok')`,
        [chaletId, newId()],
      );
    }
    const bringUp = () => migrate({ databaseUrl: database.databaseUrl, prismaDir });
    await expect(bringUp()).rejects.toThrow(unique);
    const shared = await pool.query(
      'SELECT calendar_id, array_agg(chalet_id) AS chalets FROM calendars GROUP BY calendar_id HAVING count(*) > 1',
    );
    expect(shared.rows).toEqual([{ calendar_id: 'shared@example.com', chalets: [first, second] }]);
    await pool.query('DELETE FROM calendars WHERE chalet_id = $1', [second]);
    await pool.query(
      'UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = $1 AND finished_at IS NULL',
      [unique],
    );
    expect((await bringUp()).applied).toEqual(newer.sort());
  } finally {
    await pool.end();
    await database.drop();
    await rm(older, { recursive: true });
  }
});
