import path from 'node:path';
import { expect, test } from '@jest/globals';
import { createTestDatabase } from '@monde-sauvage/testkit';
import pg from 'pg';

const prismaDir = path.resolve(import.meta.dirname, '../../persistence/test/prisma');

async function query(databaseUrl: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('gives every caller a migrated database of its own, also when they ask at once', async () => {
  const databases = await Promise.all(Array.from({ length: 4 }, () => createTestDatabase({ prismaDir })));
  try {
    expect(new Set(databases.map(database => database.databaseUrl)).size).toBe(4);
    for (const { databaseUrl } of databases) {
      expect(await query(databaseUrl, 'SELECT * FROM stays')).toEqual([]);
    }
  } finally {
    await Promise.all(databases.map(database => database.drop()));
  }
});

test('drops a database somebody is still connected to', async () => {
  const database = await createTestDatabase({ prismaDir });
  const client = new pg.Client({ connectionString: database.databaseUrl });
  const lost = new Promise(resolve => client.on('error', resolve));
  await client.connect();
  await database.drop();
  await lost;
  await expect(query(database.databaseUrl, 'SELECT 1')).rejects.toThrow('does not exist');
});
