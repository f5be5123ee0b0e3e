import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { compareSchemas, type Effect } from './compare-schema.ts';
import { jsonSchemaOf } from './json-schema.ts';

// Every schema here is used once: compiling it takes longer than interpreting it.
z.config({ jitless: true });

/** A schema, and the values that a writer of it may send. */
interface Shape {
  schema: z.ZodType;
  values: fc.Arbitrary<unknown>;
}

/** Two versions of one schema, equal or a little apart. */
type Versions = [was: Shape, is: Shape];

/** Mostly the same thing twice: where everything changes, something always breaks. */
const both = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<[T, T]> =>
  fc.tuple(arbitrary, arbitrary, fc.integer({ min: 0, max: 9 })).map(([a, b, luck]) => (luck < 8 ? [a, a] : [a, b]));
const limit = fc.constantFrom(undefined, 2, 4);

const strings = both(fc.record({ min: fc.constantFrom(undefined, 1), max: limit })).map(versions =>
  versions.map(({ min, max }) => {
    const least = min === undefined ? z.string() : z.string().min(min);
    const schema = max === undefined ? least : least.max(max);
    return { schema, values: fc.string({ minLength: min ?? 0, maxLength: max ?? 8 }) };
  }),
);

const numbers = both(fc.record({ whole: fc.boolean(), max: limit, positive: fc.boolean() })).map(versions =>
  versions.map(({ whole, max, positive }) => {
    const kind = whole ? z.int() : z.number();
    const least = positive ? kind.positive() : kind;
    const [from, to] = [positive ? 1 : -8, max ?? 8];
    const some = fc.integer({ min: from, max: to });
    const values = whole
      ? some
      : fc.oneof(
          some,
          some.map(each => each - 0.5).filter(each => !positive || each > 0),
        );
    return { schema: max === undefined ? least : least.max(max), values };
  }),
);

const enums = both(fc.record({ of: fc.subarray(['a', 'b', 'c'], { minLength: 1 }), caught: fc.boolean() })).map(
  versions =>
    versions.map(({ of, caught }) => {
      const schema = z.enum(of);
      return { schema: caught ? schema.catch(of[0] ?? 'a') : schema, values: fc.constantFrom(...of) };
    }),
);

const nullable = (inner: fc.Arbitrary<Shape[]>) =>
  fc
    .tuple(inner, both(fc.boolean()))
    .map(([versions, nulls]) =>
      versions.map(({ schema, values }, index) =>
        nulls[index] ? { schema: schema.nullable(), values: fc.option(values, { nil: null }) } : { schema, values },
      ),
    );

const arrays = (inner: fc.Arbitrary<Shape[]>) =>
  inner.map(versions =>
    versions.map(({ schema, values }) => ({ schema: z.array(schema), values: fc.array(values, { maxLength: 3 }) })),
  );

const presence = fc.constantFrom('absent', 'optional', 'required');

function objects(inner: fc.Arbitrary<Shape[]>): fc.Arbitrary<Shape[]> {
  const field = fc.tuple(inner, both(presence));
  return fc.tuple(fc.record({ x: field, y: field }), both(fc.boolean())).map(([fields, strict]) =>
    [0, 1].map(index => {
      const shape: Record<string, z.ZodType> = {};
      const model: Record<string, fc.Arbitrary<unknown>> = {};
      const requiredKeys: string[] = [];
      for (const [name, [versions, presences]] of Object.entries(fields)) {
        const [version, there] = [versions[index], presences[index]];
        if (version === undefined || there === 'absent') continue;
        if (there === 'required') requiredKeys.push(name);
        model[name] = version.values;
        shape[name] = there === 'required' ? version.schema : version.schema.optional();
      }
      const schema = strict[index] ? z.strictObject(shape) : z.object(shape);
      return { schema, values: fc.record(model, { requiredKeys }) };
    }),
  );
}

function unions(inner: fc.Arbitrary<Shape[]>): fc.Arbitrary<Shape[]> {
  const kinds = both(fc.subarray(['owner', 'guest'] as const, { minLength: 1 }));
  return fc.tuple(inner, kinds).map(([versions, chosen]) =>
    versions.map(({ schema, values }, index) => {
      const parts = (chosen[index] ?? []).map(kind => ({
        schema: z.object({ kind: z.literal(kind), of: schema }),
        values: fc.record({ kind: fc.constant(kind), of: values }),
      }));
      const [first, ...more] = parts.map(part => part.schema);
      if (first === undefined) throw new Error('no alternative');
      return {
        schema: z.discriminatedUnion('kind', [first, ...more]),
        values: fc.oneof(...parts.map(part => part.values)),
      };
    }),
  );
}

const leaf: fc.Arbitrary<Shape[]> = nullable(fc.oneof(strings, numbers, enums));
const small = fc.oneof(leaf, arrays(leaf), objects(leaf), unions(leaf));
const shapes = objects(fc.oneof(small, nullable(objects(small))));

const versions = shapes.map(([was, is]): Versions => {
  if (was === undefined || is === undefined) throw new Error('two versions are made');
  const json = () => [was, is].map(({ schema }) => JSON.stringify(jsonSchemaOf(schema, 'input'))).join('\n');
  return Object.assign([was, is] satisfies Versions, { [fc.toStringMethod]: json });
});

const changesOf = ([was, is]: Versions): Effect[] =>
  compareSchemas(jsonSchemaOf(was.schema, 'input'), jsonSchemaOf(is.schema, 'input')).map(({ effect }) => effect);

const hurtsNewReaders: Effect[] = ['narrowed', 'required', 'both', 'removed'];
const hurtsOldReaders: Effect[] = ['widened', 'both', 'removed'];
const runs = { numRuns: 150 };

/** One of the two versions wrote `sent`, the other reads it. */
const messages = (writer: 0 | 1) =>
  versions.chain(pair => fc.record({ pair: fc.constant(pair), sent: pair[writer].values }));

test('what is not told to narrow a message is read by the new schema, whatever the old one let through', () => {
  const read = fc.property(messages(0), ({ pair, sent }) => {
    fc.pre(!changesOf(pair).some(effect => hurtsNewReaders.includes(effect)));
    expect(pair[1].schema.safeParse(sent).error).toBeUndefined();
  });
  fc.assert(read, runs);
});

test('what is not told to widen a message is read by the old schema, whatever the new one lets through', () => {
  const read = fc.property(messages(1), ({ pair, sent }) => {
    fc.pre(!changesOf(pair).some(effect => hurtsOldReaders.includes(effect)));
    expect(pair[0].schema.safeParse(sent).error).toBeUndefined();
  });
  fc.assert(read, runs);
});
