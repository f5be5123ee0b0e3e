import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { compareContracts, type Difference } from './compare-contracts.ts';
import { describeContracts, httpFile, natsFile, type Published } from './snapshot.ts';
import { toJson } from './to-json.ts';

/** The stored copy of the contracts: those of the last release, one file per publisher and per tag of routes. */

const folder = join(import.meta.dirname, '..', 'published');
const breaksFile = join(folder, 'accepted-breaks.json');

/** A break that was wanted. Kept for good; it excuses its sentences until the contracts are published with it. */
const acceptedBreak = z.strictObject({
  on: z.iso.date(),
  reason: z.string().min(1),
  breaks: z.array(z.string()),
  published: z.boolean(),
});
export type AcceptedBreak = z.infer<typeof acceptedBreak>;

export function readPublished(): Published {
  const read = <F>(kind: string, schema: z.ZodType<F>) =>
    Object.fromEntries(
      readdirSync(join(folder, kind)).map(file => [
        file.replace('.json', ''),
        schema.parse(JSON.parse(readFileSync(join(folder, kind, file), 'utf8'))),
      ]),
    );
  return { nats: read('nats', natsFile), http: read('http', httpFile) };
}

/** Makes the stored copy that of today's contracts, and accepted breaks history. */
export function writePublished(published: Published, accepted: readonly AcceptedBreak[]): void {
  for (const kind of ['nats', 'http'] as const) {
    rmSync(join(folder, kind), { recursive: true, force: true });
    mkdirSync(join(folder, kind), { recursive: true });
    for (const [name, file] of Object.entries(published[kind])) {
      writeFileSync(join(folder, kind, `${name}.json`), toJson(file));
    }
  }
  writeAcceptedBreaks(accepted.map(each => ({ ...each, published: true })));
}

export const readAcceptedBreaks = (): AcceptedBreak[] =>
  z.array(acceptedBreak).parse(JSON.parse(readFileSync(breaksFile, 'utf8')));

export const writeAcceptedBreaks = (accepted: readonly AcceptedBreak[]): void =>
  writeFileSync(breaksFile, toJson(accepted));

/** What has changed since the release: breaks that nobody accepted, and everything else. */
export function compareWithPublished(): { breaks: Difference[]; rest: Difference[] } {
  return sortOut(compareContracts(readPublished(), describeContracts()), readAcceptedBreaks());
}

export const sentence = ({ of, says }: Difference): string => `${of}: ${says}`;

/** Accepted are the very sentences that somebody gave a reason for, until they are published. */
export function sortOut(
  differences: readonly Difference[],
  accepted: readonly AcceptedBreak[],
): { breaks: Difference[]; rest: Difference[] } {
  const excused = new Set(accepted.filter(({ published }) => !published).flatMap(({ breaks }) => breaks));
  const counts = (difference: Difference) => difference.breaking && !excused.has(sentence(difference));
  return { breaks: differences.filter(counts), rest: differences.filter(difference => !counts(difference)) };
}
