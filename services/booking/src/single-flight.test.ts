import { expect, it } from '@jest/globals';
import { singleFlight } from './single-flight.ts';

it('asks once for all who ask at the same time, and again for who comes later', async () => {
  const questions: string[] = [];
  const ask = singleFlight(async key => {
    questions.push(key);
    return `${key} ${questions.length}`;
  });
  expect(await Promise.all([ask('a'), ask('b'), ask('a')])).toEqual(['a 1', 'b 2', 'a 1']);
  expect(await ask('a')).toBe('a 3');
  expect(questions).toEqual(['a', 'b', 'a']);
});

it('gives a failure to all who asked, and does not keep it', async () => {
  let tries = 0;
  const ask = singleFlight(async () => {
    tries += 1;
    if (tries === 1) throw new Error('away');
    return 'here';
  });
  const outcomes = await Promise.allSettled([ask('a'), ask('a')]);
  expect(outcomes.map(outcome => outcome.status)).toEqual(['rejected', 'rejected']);
  expect(await ask('a')).toBe('here');
});
