import { createLogger, parseConfig } from '@monde-sauvage/service-kit';
import pg from 'pg';
import { z } from 'zod';
import { closeNats, connectNats } from './connection.ts';
import { type DeadLetter, listDeadLetters, replayDeadLetter } from './dead-letters.ts';

/**
 * What a service has given up on, for an operator: `node dist/dead-letters.mjs` in a running container of the service
 * lists it, one line of JSON each, newest first; `… replay <id>` or `… replay all` has a running replica handle it again.
 * Messages can hold guests' names: they are not shown. Exit code 0, or 1 when something failed again.
 */
const variables = z.object({
  DATABASE_URL: z.string({ error: "the service's database" }),
  NATS_URL: z.string({ error: 'comma-separated NATS servers, as the service has it' }),
  NATS_CREDS: z.string().optional(),
});
const atOnce = 100;
const usage = 'usage: dead-letters [list | replay <id> | replay all]';

const describe = ({ body, headers, ...letter }: DeadLetter) => JSON.stringify(letter);
const say = (line: string) => process.stdout.write(`${line}\n`);

async function run([command = 'list', which]: string[]): Promise<boolean> {
  if (!(command === 'list' || (command === 'replay' && which))) throw new Error(usage);
  const env = parseConfig(variables, process.env);
  const pool = new pg.Pool({ connectionString: env.DATABASE_URL, application_name: 'dead-letters', max: 1 });
  try {
    const waiting = await listDeadLetters(pool, { limit: atOnce });
    if (command === 'list') {
      for (const letter of waiting) say(describe(letter));
      return true;
    }
    const chosen = which === 'all' ? waiting.reverse() : waiting.filter(({ id }) => id === which);
    if (chosen.length === 0 && which !== 'all') throw new Error(`no dead letter ${which} waits here`);
    return await replay(pool, env, chosen);
  } finally {
    await pool.end();
  }
}

/** One after the other, oldest first; one that fails again does not keep the others. */
async function replay(pool: pg.Pool, env: z.output<typeof variables>, letters: DeadLetter[]): Promise<boolean> {
  const [first] = letters;
  if (!first) return true;
  // A service's consumers have its name, and its NATS user may ask none but them.
  const service = first.consumer;
  const logger = createLogger({ service: 'dead-letters', level: 'error' });
  const nc = await connectNats({ servers: env.NATS_URL, service, credsFile: env.NATS_CREDS, logger });
  let succeeded = true;
  for (const { id, subject } of letters) {
    try {
      await replayDeadLetter({ pool, nc, id });
      say(`${id} ${subject}: handled`);
    } catch (error) {
      succeeded = false;
      say(`${id} ${subject}: ${error instanceof Error ? error.message : error}`);
    }
  }
  await closeNats(nc);
  return succeeded;
}

try {
  process.exitCode = (await run(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
