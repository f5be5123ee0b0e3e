import { eventually } from '@monde-sauvage/testkit';
import type { Infrastructure } from '../../scripts/platform/infrastructure.ts';
import type { Answers } from './answers.ts';
import { checkInvariants, describeFindings } from './check.ts';
import { openDatabases } from './databases.ts';
import { findGoogleCopy } from './google-copy.ts';
import { restLimits } from './nothing-stuck.ts';

/**
 * Waits until the system has come to rest with every invariant true, with no grace for anything.
 * @throws Error that lists what is still violated when it does not, however long it takes to try again
 */
export async function invariantsHold(
  system: { infrastructure: Infrastructure; googleUrl: string },
  answers?: Answers,
): Promise<void> {
  const { databaseUrl } = system.infrastructure;
  const { databases, close } = await openDatabases({
    booking: databaseUrl('booking'),
    availability: databaseUrl('availability'),
    'calendar-sync': databaseUrl('calendar-sync'),
    payment: databaseUrl('payment'),
  });
  try {
    const google = await findGoogleCopy(system.googleUrl);
    await eventually(
      async () => {
        const look = { databases, google, now: new Date(), graceMs: 0, limits: restLimits };
        const findings = await checkInvariants(look);
        if (answers) findings.push(await answers.check(databases));
        if (findings.every(finding => finding.violations.length === 0)) return true;
        throw new Error(`\n${describeFindings(findings)}`);
      },
      { timeoutMs: 120_000, describe: 'every invariant' },
    );
  } finally {
    await close();
  }
}
