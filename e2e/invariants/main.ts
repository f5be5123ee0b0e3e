import { setTimeout as wait } from 'node:timers/promises';
import { parseConfig } from '@monde-sauvage/service-kit';
import { z } from 'zod';
import { checkInvariants, confirmViolations, describeFindings } from './check.ts';
import { findDatabaseUrls, openDatabases } from './databases.ts';
import { findGoogleCopy } from './google-copy.ts';
import { liveLimits } from './nothing-stuck.ts';

/**
 * `npm run check:invariants`: looks at a system's databases, running or not, without changing anything. Exit code 0 when
 * every invariant holds, 1 when one is violated, 2 when it could not be looked at.
 */
const variables = z.object({
  /** Changes younger than this may still be on their way. */
  INVARIANTS_GRACE_SECONDS: z.coerce.number().min(0).default(30),
  /** Where the calendar is the Google emulator, its events are compared as well. */
  GOOGLE_API_BASE_URL: z.url().optional(),
  GOOGLE_EMULATOR_PORT: z.coerce.number().int().default(4010),
});

/** Between a look that found something and the one that confirms it. */
const secondLookMs = 3_000;

const say = (line: string) => process.stdout.write(`${line}\n`);

async function run(): Promise<number> {
  const { databases, close } = await openDatabases(findDatabaseUrls(process.env));
  try {
    const settings = parseConfig(variables, process.env);
    const google = await findGoogleCopy(
      settings.GOOGLE_API_BASE_URL ?? `http://localhost:${settings.GOOGLE_EMULATOR_PORT}`,
    );
    const graceMs = settings.INVARIANTS_GRACE_SECONDS * 1_000;
    const look = () => checkInvariants({ databases, google, now: new Date(), graceMs, limits: liveLimits });
    const findings = await confirmViolations(await look(), async () => {
      await wait(secondLookMs);
      return look();
    });
    say(describeFindings(findings));
    return findings.some(finding => finding.violations.length > 0) ? 1 : 0;
  } finally {
    await close();
  }
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
