import { describe, expect, it } from '@jest/globals';
import { confirmViolations, describeFindings } from './check.ts';

describe('what is reported', () => {
  const finding = (violations: string[]) => ({ invariant: 'A', promise: 'p', looked: 'l', violations });

  it('is what two looks have in common', async () => {
    const confirmed = await confirmViolations([finding(['gone', 'still'])], async () => [finding(['new', 'still'])]);
    expect(confirmed).toEqual([finding(['still'])]);
  });

  it('shows twenty violations of an invariant and the number of the rest', () => {
    const lines = describeFindings([finding(Array.from({ length: 23 }, (_, index) => `v${index}`))]).split('\n');
    expect(lines).toHaveLength(22);
    expect(lines[0]).toBe('A  p: 23 VIOLATED (l)');
    expect(lines.at(-1)).toContain('3 more');
  });
});
