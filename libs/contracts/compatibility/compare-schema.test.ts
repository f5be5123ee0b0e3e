import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { compareContracts } from './compare-contracts.ts';
import { everyRole } from './every-role.ts';

const a = { a: z.string() };
const before = z.object(a);
const status = z.enum(['pending', 'confirmed']);
const more = z.enum(['pending', 'confirmed', 'held']);
const owner = z.object({ kind: z.literal('owner'), keyId: z.string() });
const guest = z.object({ kind: z.literal('guest') });
const admin = z.object({ kind: z.literal('admin') });
const either = z.discriminatedUnion('kind', [owner, guest]);
const threeOf = z.discriminatedUnion('kind', [owner, guest, admin]);
const strictly = z.discriminatedUnion('kind', [owner.extend({ keyId: z.uuid() }), guest]);
const onlyEven = z.number().refine(value => value % 2 === 0, 'must be even');

const tree = z.object({
  name: z.string(),
  get children() {
    return z.array(tree);
  },
});
const treeWithNote = z.object({
  name: z.string(),
  note: z.string().optional(),
  get children() {
    return z.array(treeWithNote);
  },
});
const bareTree = z.object({
  get children() {
    return z.array(bareTree);
  },
});

type Role = 'input' | 'output' | 'event' | 'answer';
const nobody: Role[] = [];
const everybody: Role[] = ['answer', 'event', 'input', 'output'];
/** Readers of the new version read what the released one writes. */
const newReaders: Role[] = ['event', 'input', 'output'];
/** Readers of the released version read what the new one writes. */
const oldReaders: Role[] = ['answer', 'event', 'output'];

const field = (was: z.ZodType, is: z.ZodType): [z.ZodType, z.ZodType] => [z.object({ f: was }), z.object({ f: is })];

test.each<[what: string, [was: z.ZodType, is: z.ZodType], breaks: Role[]]>([
  // fields
  ['`b` was removed', [z.object({ ...a, b: z.string() }), before], everybody],
  ['`b` was removed', [z.object({ ...a, b: z.string().optional() }), before], everybody],
  ['`b` is new and optional', [before, z.object({ ...a, b: z.string().optional() })], nobody],
  ['`b` is new and required', [before, z.object({ ...a, b: z.string() })], newReaders],
  ['`b` is new and required', [before, z.object({ ...a, b: z.string().nullable() })], newReaders],
  ['`b` is new and optional', [before, z.object({ ...a, b: z.string().catch('') })], nobody],
  ['`f` became required', field(z.string().optional(), z.string()), newReaders],
  ['`f` became optional', field(z.string(), z.string().optional()), oldReaders],
  [
    '`price.lines[].amount` was removed',
    [
      z.object({ price: z.object({ lines: z.array(z.object({ label: z.string(), amount: z.int() })) }) }),
      z.object({ price: z.object({ lines: z.array(z.object({ label: z.string() })) }) }),
    ],
    everybody,
  ],
  // null
  ['`f` may now be null', field(z.string(), z.string().nullable()), oldReaders],
  ['`f` may no longer be null', field(z.string().nullable(), z.string()), newReaders],
  ['`f` may now be null', field(before, before.nullable()), oldReaders],
  ['`f.a` may now be null', field(before.nullable(), z.object({ a: z.string().nullable() }).nullable()), oldReaders],
  // types
  ['`f` changed its type from `string` to `integer`', field(z.string(), z.int()), everybody],
  ['`f` may now be a fraction', field(z.int(), z.number()), oldReaders],
  ['`f` may no longer be a fraction', field(z.number(), z.int()), newReaders],
  ['`f` may now be anything', field(z.string(), z.unknown()), oldReaders],
  ['`f` may no longer be anything', field(z.unknown(), z.string()), newReaders],
  // values
  ['`f` gained the value `held`', field(status, more), oldReaders],
  ['`f` lost the value `held`', field(more, status), newReaders],
  ['`f` gained the value `held`', field(status.nullable(), more.nullable()), oldReaders],
  ['`f` may now be more than a list of values', field(status, z.string()), oldReaders],
  ['`f` may only be `confirmed`, `pending` now', field(z.string(), status), newReaders],
  ['`f` gained the value `2`', field(z.literal(1), z.literal([1, 2])), oldReaders],
  ['`f[]` gained the value `held`', field(z.array(status), z.array(more)), oldReaders],
  // readers that stand a value they do not know
  ['`f` gained the value `held`', field(status.catch('pending'), more.catch('pending')), nobody.concat('answer')],
  ['`f` lost the value `held`', field(more.catch('pending'), status.catch('pending')), nobody],
  ['`f` now tolerates values that its readers do not know', field(status, status.catch('pending')), nobody],
  ['`f` no longer tolerates values that its readers do not know', field(status.catch('pending'), status), newReaders],
  // limits
  ['`f` changed its `maxLength` from 20 to 10', field(z.string().max(20), z.string().max(10)), newReaders],
  ['`f` changed its `maxLength` from 10 to 20', field(z.string().max(10), z.string().max(20)), oldReaders],
  ['`f` changed its `maxLength` from none to 10', field(z.string(), z.string().max(10)), newReaders],
  ['`f` changed its `minLength` from 1 to none', field(z.string().min(1), z.string()), oldReaders],
  ['`f` changed its `minimum` from 0 to 1', field(z.int().min(0), z.int().positive()), newReaders],
  ['`f` changed its `minimum` from 1 to 0', field(z.int().positive(), z.int().min(0)), oldReaders],
  ['`f` changed its `exclusiveMinimum` from none to 0', field(z.number(), z.number().positive()), newReaders],
  [
    '`f` changed its `maxItems` from 10 to 5',
    field(z.array(z.string()).max(10), z.array(z.string()).max(5)),
    newReaders,
  ],
  ['`f` changed its `multipleOf`', field(z.int().multipleOf(5), z.int().multipleOf(2)), everybody],
  // formats, patterns, rules
  ['`f` must have the format `uuid`', field(z.string(), z.uuid()), newReaders],
  ['`f` no longer has the format `uuid`', field(z.uuid(), z.string()), oldReaders],
  ['`f` changed its format from `uuid` to `email`', field(z.uuid(), z.email()), everybody],
  ['`f` must match `^a`', field(z.string(), z.string().regex(/^a/)), newReaders],
  ['`f` must match `b$`', field(z.string().regex(/^a/), z.string().regex(/^a/).regex(/b$/)), newReaders],
  ['`f` need no longer match `b$`', field(z.string().regex(/^a/).regex(/b$/), z.string().regex(/^a/)), oldReaders],
  ['`f` must match `^b` instead', field(z.string().regex(/^a/), z.string().regex(/^b/)), everybody],
  ['`f` has a new rule: `must be even`', field(z.number(), onlyEven), newReaders],
  ['`f` lost a rule: `must be even`', field(onlyEven, z.number()), oldReaders],
  [
    '`f` words a rule differently: `even, please`',
    field(
      onlyEven,
      z.number().refine(() => true, 'even, please'),
    ),
    nobody,
  ],
  // defaults: the reader's
  ['`f` has the default `20` instead of `50`', field(z.int().default(50), z.int().default(20)), ['input']],
  ['`f` no longer has the default `50`', field(z.int().default(50), z.int().optional()), ['answer', 'input']],
  ['`f` has the default `50`', field(z.int().optional(), z.int().default(50)), nobody],
  // what has no name
  ['`f` now refuses fields that it does not know', field(before, before.strict()), ['event', 'input', 'output']],
  ['`f` takes unknown fields now', field(before.strict(), before), nobody],
  [
    '`f.b` is new and optional, where unknown fields are refused',
    field(before.strict(), z.strictObject({ ...a, b: z.string().optional() })),
    ['event', 'output'],
  ],
  [
    '`f.*` may now be null',
    field(z.record(z.string(), z.string()), z.record(z.string(), z.string().nullable())),
    oldReaders,
  ],
  [
    '`f.(keys)` gained the value `held`',
    field(z.partialRecord(status, z.int()), z.partialRecord(more, z.int())),
    oldReaders,
  ],
  ['`f` has another number of items', field(z.tuple([z.int()]), z.tuple([z.int(), z.int()])), everybody],
  ['`f[1]` may now be null', field(z.tuple([z.int(), z.int()]), z.tuple([z.int(), z.int().nullable()])), oldReaders],
  // unions
  ['`f` gained the alternative `admin`', field(either, threeOf), oldReaders],
  ['`f` lost the alternative `admin`', field(threeOf, either), newReaders],
  ['`f(owner).keyId` must have the format `uuid`', field(either, strictly), newReaders],
  ['`f` gained the alternative `integer`', field(z.string(), z.union([z.string(), z.int()])), oldReaders],
  ['`f` lost the alternative `integer`', field(z.union([z.string(), z.int()]), z.string()), newReaders],
  // recursion
  ['`f.note` is new and optional', [z.object({ f: tree }), z.object({ f: treeWithNote })], nobody],
  ['`f.name` was removed', [z.object({ f: tree }), z.object({ f: bareTree })], everybody],
])('%s', (what, [was, is], breaks) => {
  const differences = compareContracts(everyRole(was), everyRole(is));
  const said = differences.filter(({ says }) => says.includes(what));
  expect(said.map(({ of }) => of)).toEqual(expect.arrayContaining(breaks.length > 0 ? breaks : ['event']));
  const broken = new Set(differences.filter(difference => difference.breaking).map(({ of }) => of));
  const roles = [...broken].filter(of => of !== 'body').sort();
  expect(roles).toEqual([...breaks].sort());
  // A body over HTTP is an input like any other.
  expect(broken.has('body')).toBe(breaks.includes('input'));
});

test.each<[string, z.ZodType, z.ZodType]>([
  ['the order of fields', z.object({ a: z.string(), b: z.int() }), z.object({ b: z.int(), a: z.string() })],
  ['the order of values', status, z.enum(['confirmed', 'pending'])],
  ['the order of alternatives', either, z.discriminatedUnion('kind', [guest, owner])],
  ['documentation', before, z.object({ a: z.string().meta({ description: 'new', example: 'x' }) })],
  ['another way to say it', z.object({ a: z.int().min(1) }), z.object({ a: z.int().positive() })],
  ['a schema of its own for a part', z.object({ a: before, b: before }), z.object({ a: z.object(a), b: z.object(a) })],
])('%s is no difference', (_, was, is) => {
  expect(compareContracts(everyRole(was), everyRole(is))).toEqual([]);
});
