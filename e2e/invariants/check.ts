import { checkCalendarAgrees } from './calendar-agrees.ts';
import { checkEveryVersion } from './every-version.ts';
import type { Finding, Look } from './look.ts';
import { checkMoney } from './money.ts';
import { checkNoOverlap } from './no-overlap.ts';
import { checkNothingStuck } from './nothing-stuck.ts';

/** Looks at every invariant that databases can show, once. (B, what was answered, only those know who asked.) */
export async function checkInvariants(look: Look): Promise<Finding[]> {
  const checks = [checkNoOverlap, checkEveryVersion, checkCalendarAgrees, checkMoney, checkNothingStuck];
  const findings: Finding[] = [];
  for (const check of checks) findings.push(await check(look));
  return findings;
}

/**
 * Looks again where something was found: databases are read one after the other, so that one look may fall between a
 * commit and its consequences. Only what is seen twice is a violation.
 * @param look makes the second look's surroundings, some time after the first
 */
export async function confirmViolations(
  first: readonly Finding[],
  lookAgain: () => Promise<readonly Finding[]>,
): Promise<Finding[]> {
  if (first.every(finding => finding.violations.length === 0)) return [...first];
  const second = new Map((await lookAgain()).map(finding => [finding.invariant, finding]));
  return first.map(finding => {
    const still = new Set(second.get(finding.invariant)?.violations);
    return { ...finding, violations: finding.violations.filter(violation => still.has(violation)) };
  });
}

const shownOfEach = 20;

/** One line for each invariant, and at most twenty violations under it. */
export function describeFindings(findings: readonly Finding[]): string {
  return findings.flatMap(describe).join('\n');
}

function describe({ invariant, promise, looked, violations }: Finding): string[] {
  const verdict = violations.length === 0 ? 'holds' : `${violations.length} VIOLATED`;
  const rest = violations.length - shownOfEach;
  return [
    `${invariant}  ${promise}: ${verdict} (${looked})`,
    ...violations.slice(0, shownOfEach).map(violation => `     - ${violation}`),
    ...(rest > 0 ? [`     … and ${rest} more`] : []),
  ];
}
