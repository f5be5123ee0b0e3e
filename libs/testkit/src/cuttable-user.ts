import { randomUUID } from 'node:crypto';
import pg from 'pg';

export interface CuttableUser {
  /** The database, as a user of its own. */
  databaseUrl: string;
  /** Ends the user's sessions, whatever they are doing, and lets it open no others. */
  cut(): Promise<void>;
}

/**
 * A user of the test server's databases that can be made to lose them, as a process that is killed does.
 * @param databaseUrl as the superuser that the test servers have
 */
export async function cuttableUser(databaseUrl: string): Promise<CuttableUser> {
  const name = `user_${randomUUID().replaceAll('-', '')}`;
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await run(`CREATE ROLE ${name} LOGIN SUPERUSER PASSWORD '${name}'`);
  const url = new URL(databaseUrl);
  url.username = name;
  url.password = name;
  return {
    databaseUrl: url.toString(),
    cut: () =>
      run(
        `ALTER ROLE ${name} NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${name}'`,
      ),
  };
}
