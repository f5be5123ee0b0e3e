import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { tellOnce } from './span-recorder.ts';

test('an outage of the collector is said once, its end once', () => {
  const said: string[] = [];
  const logger = pino(
    { base: null, timestamp: false },
    { write: (line: string) => void said.push(JSON.parse(line).msg) },
  );
  const down = { code: 1, error: new Error('connect ECONNREFUSED') };
  const answers = [{ code: 0 }, down, down, down, { code: 0 }, { code: 0 }];
  const exporter = tellOnce(
    { export: (_, done) => done(answers.shift() ?? down), shutdown: async () => undefined },
    logger,
  );
  while (answers.length > 0) exporter.export([], () => undefined);
  expect(said).toEqual(['traces cannot be delivered; everything else goes on', 'traces are being delivered again']);
});
