import { isDeepStrictEqual } from 'node:util';
import { type Bounds, compareLimits, compareValues } from './compare-values.ts';
import type { JsonSchema } from './json-schema.ts';

/**
 * What a change does to the messages that are allowed:
 *   `narrowed`    some that were allowed no longer are: trouble for who reads with the new schema what the old one wrote
 *   `widened`     some are allowed that were not: trouble for who reads with the old schema what the new one writes
 *   `both`        trouble either way, or a change this comparison cannot judge
 *   `removed`     a field is gone: whoever reads it misses it, whoever sends it is no longer heard
 *   `required`    a field that was optional, or not there, has to be sent: narrowed, and named because it is so common
 *   `defaulted`   a field left out means something else than before: matters to who sends
 *   `compatible`  nobody can tell the difference
 */
export type Effect = 'narrowed' | 'widened' | 'both' | 'removed' | 'required' | 'defaulted' | 'compatible';

export interface SchemaChange {
  /** Where in the message: `price.lines[].amount`, `actor(owner).keyId`; empty for the whole of it. */
  path: string;
  effect: Effect;
  /** The rest of a sentence whose subject is the path: `was removed`. */
  what: string;
}

interface Comparison {
  before: JsonSchema;
  after: JsonSchema;
  /** References that are being compared further up: recursion ends there. */
  open: Set<string>;
}

/** Every difference between two JSON Schemas, each with what it does to the messages they allow. */
export const compareSchemas = (before: JsonSchema, after: JsonSchema): SchemaChange[] =>
  compareAt('', before, after, { before, after, open: new Set() });

function compareAt(path: string, before: JsonSchema, after: JsonSchema, in_: Comparison): SchemaChange[] {
  const pair = `${before.$ref} → ${after.$ref}`;
  if ((before.$ref !== undefined || after.$ref !== undefined) && in_.open.has(pair)) return [];
  in_.open.add(pair);
  const changes = compareAlternatives(path, resolve(before, in_.before), resolve(after, in_.after), in_);
  in_.open.delete(pair);
  return changes.map(change => tolerated(change, before, after)).concat(compareTolerance(path, before, after));
}

/** A reader that replaces what it does not know accepts everything. */
function tolerated(change: SchemaChange, before: JsonSchema, after: JsonSchema): SchemaChange {
  const { effect } = change;
  const oldReaders = before['x-tolerant'] === true;
  const newReaders = after['x-tolerant'] === true;
  const narrows = effect === 'narrowed' || effect === 'required' || effect === 'both';
  const widens = effect === 'widened' || effect === 'both';
  if (!narrows && !widens) return change;
  if ((narrows && !newReaders) || (widens && !oldReaders)) {
    if (effect !== 'both') return change;
    return { ...change, effect: oldReaders ? 'narrowed' : newReaders ? 'widened' : 'both' };
  }
  return { ...change, effect: 'compatible' };
}

function compareTolerance(path: string, before: JsonSchema, after: JsonSchema): SchemaChange[] {
  if (before['x-tolerant'] === after['x-tolerant']) return [];
  return after['x-tolerant']
    ? [{ path, effect: 'compatible', what: 'now tolerates values that its readers do not know' }]
    : [{ path, effect: 'narrowed', what: 'no longer tolerates values that its readers do not know' }];
}

function resolve(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema;
  let found: unknown = root;
  for (const step of schema.$ref.split('/').slice(1)) {
    found = typeof found === 'object' && found !== null ? new Map(Object.entries(found)).get(step) : undefined;
  }
  if (typeof found !== 'object' || found === null) throw new Error(`${schema.$ref} leads nowhere`);
  return { ...found };
}

/** A schema as the list of what it may be, null apart. */
function alternativesOf(schema: JsonSchema, root: JsonSchema): { some: JsonSchema[]; nullable: boolean } {
  const union = schema.anyOf ?? schema.oneOf;
  if (union !== undefined) {
    const parts = union.map(part => alternativesOf(resolve(part, root), root));
    return { some: parts.flatMap(part => part.some), nullable: parts.some(part => part.nullable) };
  }
  const types = [schema.type ?? []].flat();
  const named = types.filter(type => type !== 'null');
  const { type: _, ...rest } = schema;
  const some = types.length === 0 ? [schema] : named.map(type => ({ type, ...rest }));
  return { some, nullable: types.includes('null') };
}

const takesAnything = (schema: JsonSchema): boolean =>
  Object.keys(schema).every(keyword => ['default', 'x-tolerant'].includes(keyword));

function compareAlternatives(path: string, before: JsonSchema, after: JsonSchema, in_: Comparison): SchemaChange[] {
  if (takesAnything(before) && takesAnything(after)) return [];
  if (takesAnything(before)) return [{ path, effect: 'narrowed', what: 'may no longer be anything' }];
  if (takesAnything(after)) return [{ path, effect: 'widened', what: 'may now be anything' }];
  const old = alternativesOf(before, in_.before);
  const now = alternativesOf(after, in_.after);
  const changes: SchemaChange[] = [];
  if (old.nullable && !now.nullable) changes.push({ path, effect: 'narrowed', what: 'may no longer be null' });
  if (!old.nullable && now.nullable) changes.push({ path, effect: 'widened', what: 'may now be null' });
  if (!isDeepStrictEqual(before.default, after.default)) changes.push(compareDefault(path, before, after));
  const pairs = pairUp(old.some, now.some, path, in_);
  for (const { name, from, to } of pairs) {
    const at = name === undefined ? path : `${path}(${name})`;
    if (from !== undefined && to !== undefined) changes.push(...compareOne(at, from, to, in_));
    else if (from !== undefined)
      changes.push({ path, effect: 'narrowed', what: `lost the alternative ${label(from)}` });
    else if (to !== undefined) changes.push({ path, effect: 'widened', what: `gained the alternative ${label(to)}` });
  }
  return changes;
}

function compareDefault(path: string, before: JsonSchema, after: JsonSchema): SchemaChange {
  const [old, now] = [before.default, after.default].map(value => `\`${JSON.stringify(value)}\``);
  if (before.default === undefined) return { path, effect: 'compatible', what: `has the default ${now}` };
  if (after.default === undefined) return { path, effect: 'defaulted', what: `no longer has the default ${old}` };
  return { path, effect: 'defaulted', what: `has the default ${now} instead of ${old}` };
}

interface Pair {
  /** Tells alternatives apart; undefined when there is only one. */
  name?: string;
  from?: JsonSchema;
  to?: JsonSchema;
}

/** Finds for every alternative the one it was before: by its discriminator, else by its type, else by being the same. */
function pairUp(before: JsonSchema[], after: JsonSchema[], path: string, in_: Comparison): Pair[] {
  const [onlyBefore, onlyAfter] = [before[0], after[0]];
  if (before.length === 1 && after.length === 1 && onlyBefore && onlyAfter)
    return [{ from: onlyBefore, to: onlyAfter }];
  const pairs: Pair[] = [];
  const left = [...after];
  const take = (from: JsonSchema, fits: (to: JsonSchema) => boolean): boolean => {
    const index = left.findIndex(fits);
    const to = left[index];
    if (to === undefined) return false;
    left.splice(index, 1);
    pairs.push({ name: label(from).replaceAll('`', ''), from, to });
    return true;
  };
  const discriminator = discriminatorOf([...before, ...after]);
  const tests: ((from: JsonSchema, to: JsonSchema) => boolean)[] =
    discriminator === undefined
      ? [
          (from, to) => isDeepStrictEqual(from, to),
          (from, to) => compareOne(path, from, to, in_).every(({ effect }) => effect === 'compatible'),
          (from, to) =>
            before.filter(sameType(from)).length === 1 &&
            after.filter(sameType(from)).length === 1 &&
            sameType(from)(to),
        ]
      : [(from, to) => isDeepStrictEqual(constantOf(from, discriminator), constantOf(to, discriminator))];
  let waiting = before;
  for (const test of tests) waiting = waiting.filter(from => !take(from, to => test(from, to)));
  return [...pairs, ...waiting.map(from => ({ from })), ...left.map(to => ({ to }))];
}

const sameType = (a: JsonSchema) => (b: JsonSchema) => a.type === b.type;
const constantOf = (schema: JsonSchema, field: string): unknown => schema.properties?.[field]?.const;

/** The field that has one constant value in every alternative. */
function discriminatorOf(alternatives: JsonSchema[]): string | undefined {
  const fields = Object.keys(alternatives[0]?.properties ?? {});
  return fields.find(field => alternatives.every(alternative => constantOf(alternative, field) !== undefined));
}

function label(alternative: JsonSchema): string {
  const field = discriminatorOf([alternative]);
  if (field !== undefined) return `\`${String(constantOf(alternative, field))}\``;
  const values = alternative.enum ?? (alternative.const === undefined ? undefined : [alternative.const]);
  return `\`${values?.join('`, `') ?? alternative.type ?? 'value'}\``;
}

/** Keywords that have a comparison of their own; every other one has to stay as it is. */
const objectKeywords = ['properties', 'required', 'additionalProperties', 'propertyNames', 'items', 'prefixItems'];
const annotations = ['type', 'default', 'x-tolerant', '$defs'];

/** Two schemas that are no unions. */
function compareOne(path: string, before: JsonSchema, after: JsonSchema, in_: Comparison): SchemaChange[] {
  const types = compareTypes(path, before, after);
  if (types.some(({ effect }) => effect === 'both')) return types;
  const values = compareValues(before, after);
  const limits = compareLimits(before, after);
  const known = new Set([...objectKeywords, ...annotations, ...values.keywords, ...limits.keywords]);
  const others = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    keyword => !known.has(keyword) && !isDeepStrictEqual(before[keyword], after[keyword]),
  );
  const told = (bounds: Bounds) => bounds.changes.map(change => ({ path, ...change }));
  return [
    ...types,
    ...told(values),
    ...told(limits),
    ...compareFields(path, before, after, in_),
    ...compareOtherFields(path, before, after, in_),
    ...compareItems(path, before, after, in_),
    ...others.map(keyword => ({ path, effect: 'both' as const, what: `changed its \`${keyword}\`` })),
  ];
}

function compareTypes(path: string, before: JsonSchema, after: JsonSchema): SchemaChange[] {
  if (before.type === after.type) return [];
  const change = `${before.type ?? 'anything'} → ${after.type ?? 'anything'}`;
  if (change === 'integer → number') return [{ path, effect: 'widened', what: 'may now be a fraction' }];
  if (change === 'number → integer') return [{ path, effect: 'narrowed', what: 'may no longer be a fraction' }];
  return [{ path, effect: 'both', what: `changed its type from \`${before.type}\` to \`${after.type}\`` }];
}

function compareFields(path: string, before: JsonSchema, after: JsonSchema, in_: Comparison): SchemaChange[] {
  const old = before.properties ?? {};
  const now = after.properties ?? {};
  const named = [old, now].flatMap(Object.keys).concat(before.required ?? [], after.required ?? []);
  return [...new Set(named)].sort().flatMap(name => {
    const at = path === '' ? name : `${path}.${name}`;
    // The keys of a record can be required without having a schema of their own.
    const unnamed = !(name in old) && !(name in now);
    const [from, to] = unnamed ? [{}, {}] : [old[name], now[name]];
    const was = before.required?.includes(name) === true;
    const is = after.required?.includes(name) === true;
    // A reader that tolerates unknown values also stands the lack of one.
    const needed = is && to?.['x-tolerant'] !== true;
    if (to === undefined) return [{ path: at, effect: 'removed', what: 'was removed' } satisfies SchemaChange];
    if (from === undefined) return [newField(at, before, needed)];
    return [
      ...(needed && !was ? [{ path: at, effect: 'required' as const, what: 'became required' }] : []),
      ...(was && !is ? [{ path: at, effect: 'widened' as const, what: 'became optional' }] : []),
      ...compareAt(at, from, to, in_),
    ];
  });
}

/** Readers that refuse what they do not know (`strict`) refuse a new field too. */
function newField(path: string, before: JsonSchema, required: boolean): SchemaChange {
  const refused = before.additionalProperties === false;
  const what = `is new and ${required ? 'required' : 'optional'}`;
  if (!refused) return { path, effect: required ? 'required' : 'compatible', what };
  return { path, effect: required ? 'both' : 'widened', what: `${what}, where unknown fields are refused` };
}

/** Fields that have no name in the schema: refused (`strict`), ignored, or values of a record. */
function compareOtherFields(path: string, before: JsonSchema, after: JsonSchema, in_: Comparison): SchemaChange[] {
  const [from, to] = [before.additionalProperties ?? true, after.additionalProperties ?? true].map(asSchema);
  const changes: SchemaChange[] = [];
  if (before.propertyNames && after.propertyNames) {
    changes.push(...compareAt(`${path}.(keys)`, before.propertyNames, after.propertyNames, in_));
  }
  if (from === false && to === false) return changes;
  if (from === false) return [...changes, { path, effect: 'compatible', what: 'takes unknown fields now' }];
  if (to === false) return [...changes, { path, effect: 'narrowed', what: 'now refuses fields that it does not know' }];
  return from && to ? [...changes, ...compareAt(`${path}.*`, from, to, in_)] : changes;
}

const asSchema = (value: boolean | JsonSchema): false | JsonSchema => (value === true ? {} : value);

function compareItems(path: string, before: JsonSchema, after: JsonSchema, in_: Comparison): SchemaChange[] {
  const [from, to] = [asSchema(before.items ?? true), asSchema(after.items ?? true)];
  const [old, now] = [before.prefixItems ?? [], after.prefixItems ?? []];
  if (old.length !== now.length || (from === false) !== (to === false)) {
    return [{ path, effect: 'both', what: 'has another number of items' }];
  }
  const places = old.flatMap((place, index) => compareAt(`${path}[${index}]`, place, now[index] ?? {}, in_));
  return from && to ? [...places, ...compareAt(`${path}[]`, from, to, in_)] : places;
}
