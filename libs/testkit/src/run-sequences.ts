import { randomInt } from 'node:crypto';
import fc from 'fast-check';

/** Which sequences are run. */
export interface PropertyRun {
  seed: number;
  /** From this one, of those that the seed makes. */
  first: number;
  count: number;
  /** Only this one, by the path fast-check gave it: `117`, or `117:3:0` after shrinking. */
  path: string | undefined;
}

/** What everybody runs unless told otherwise: a build that turns red is then about the change. */
const usualSeed = 20_261_122;

/**
 * What to run: `PROPERTY_SEED` (a number, or `random`; always the same one by default), `PROPERTY_RUNS`, and
 * `PROPERTY_PATH` for a part of it: one sequence (`117`, `117:3:0`) or those of a batch (`100-149`).
 * @throws Error for a variable that cannot be read
 */
export function readPropertyRun(env: NodeJS.ProcessEnv, usual: { count: number }): PropertyRun {
  const seed = env.PROPERTY_SEED === 'random' ? randomInt(2 ** 31) : (integer(env, 'PROPERTY_SEED') ?? usualSeed);
  const count = integer(env, 'PROPERTY_RUNS') ?? usual.count;
  const path = env.PROPERTY_PATH;
  if (path === undefined || path === '') return { seed, first: 0, count, path: undefined };
  const range = /^(\d+)-(\d+)$/.exec(path);
  if (range) return { seed, first: Number(range[1]), count: Number(range[2]) - Number(range[1]) + 1, path: undefined };
  if (!/^\d+(:\d+)*$/.test(path)) throw new Error(`PROPERTY_PATH must be like 117, 117:3:0 or 100-149, not ${path}`);
  return { seed, first: 0, count: 1, path };
}

function integer(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw new Error(`${name} must be a whole number, not ${text}`);
  return Number(text);
}

/** What became of each sequence of a batch: nothing, or what was wrong in the end. */
export type Verdicts = readonly (Error | undefined)[];

export interface SequenceProperty<S> {
  name: string;
  sequence: fc.Arbitrary<S>;
  /** In words, one line for each step. */
  describe: (sequence: S) => string;
  /** Runs sequences side by side in one world. What it throws fails the whole batch. */
  runBatch: (sequences: readonly S[]) => Promise<Verdicts>;
  batchSize: number;
  /** For how long a smaller sequence that fails is looked for. Default 60 s. */
  shrinkForMs?: number;
  onProgress?: (done: number, of: number) => void;
}

/**
 * Runs the sequences that a seed makes, in batches. The same seed makes the same sequences of actions and faults; what
 * falls together in time is the machine's. The first one that fails is run again alone and made smaller.
 * @throws Error that tells what failed, the sequence, and the environment that runs it again
 */
export async function runSequences<S>(property: SequenceProperty<S>, run: PropertyRun): Promise<void> {
  if (run.path !== undefined) return replay(property, run.seed, run.path);
  const { seed, first, count } = run;
  const all = fc.sample(property.sequence, { seed, numRuns: first + count }).slice(first);
  for (let start = 0; start < all.length; start += property.batchSize) {
    const batch = all.slice(start, start + property.batchSize);
    const range = `${first + start}-${first + start + batch.length - 1}`;
    const verdicts = await property.runBatch(batch).catch((error: unknown) => {
      throw new Error(`${property.name}: a batch failed as a whole\n${again(seed, range)}`, { cause: error });
    });
    const failed = verdicts.flatMap((verdict, index) => (verdict ? [{ verdict, index: start + index }] : []));
    const [worst] = failed;
    if (worst) {
      const others = failed.length > 1 ? ` (and ${failed.length - 1} more of its batch)` : '';
      const heading = `${property.name}: sequence ${first + worst.index} fails${others}\n${again(seed, range)}`;
      throw new Error(
        `${heading}\n${await explain(property, seed, first + worst.index, worst.verdict, all[worst.index])}`,
      );
    }
    property.onProgress?.(start + batch.length, all.length);
  }
}

const again = (seed: number, path: string): string => `run it again with PROPERTY_SEED=${seed} PROPERTY_PATH=${path}`;

async function explain<S>(
  property: SequenceProperty<S>,
  seed: number,
  index: number,
  verdict: Error,
  original: S | undefined,
): Promise<string> {
  // A run that is interrupted goes on behind fast-check's back; the world must not be put away under it.
  let underWay: Promise<unknown> = Promise.resolve();
  const followed: SequenceProperty<S> = {
    ...property,
    runBatch(sequences) {
      const verdicts = property.runBatch(sequences);
      underWay = verdicts.catch(() => undefined);
      return verdicts;
    },
  };
  const smaller = await fc.check(asProperty(followed), {
    seed,
    path: String(index),
    numRuns: 1,
    interruptAfterTimeLimit: property.shrinkForMs ?? 60_000,
    skipAllAfterTimeLimit: property.shrinkForMs ?? 60_000,
  });
  await underWay;
  const [found] = smaller.counterexample ?? [];
  if (found !== undefined && smaller.counterexamplePath !== null) {
    return [
      `alone and made smaller, with PROPERTY_SEED=${seed} PROPERTY_PATH=${smaller.counterexamplePath}`,
      property.describe(found),
      String(smaller.errorInstance),
    ].join('\n');
  }
  return [
    'alone it holds; with the others of its batch:',
    original === undefined ? '' : property.describe(original),
    String(verdict),
  ].join('\n');
}

async function replay<S>(property: SequenceProperty<S>, seed: number, path: string): Promise<void> {
  const result = await fc.check(asProperty(property), { seed, path, numRuns: 1, endOnFailure: true });
  if (!result.failed) return;
  const [found] = result.counterexample ?? [];
  const steps = found === undefined ? '' : property.describe(found);
  throw new Error(`${property.name} fails\n${again(seed, path)}\n${steps}\n${String(result.errorInstance)}`);
}

const asProperty = <S>(property: SequenceProperty<S>) =>
  fc.asyncProperty(property.sequence, async sequence => {
    const [verdict] = await property.runBatch([sequence]);
    if (verdict) throw verdict;
  });
