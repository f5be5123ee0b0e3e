import { isDeepStrictEqual } from 'node:util';
import type { Effect } from './compare-schema.ts';
import type { JsonSchema } from './json-schema.ts';

export interface Bounds {
  /** The keywords that were looked at. */
  keywords: string[];
  changes: { effect: Effect; what: string }[];
}

/** Listed values (`enum`, `const`), formats, patterns and rules of code. */
export function compareValues(before: JsonSchema, after: JsonSchema): Bounds {
  const old = listed(before);
  const now = listed(after);
  const changes: Bounds['changes'] = [];
  if (old && now) {
    for (const value of old.filter(each => !includes(now, each))) {
      changes.push({ effect: 'narrowed', what: `lost the value ${say(value)}` });
    }
    for (const value of now.filter(each => !includes(old, each))) {
      changes.push({ effect: 'widened', what: `gained the value ${say(value)}` });
    }
  }
  if (old && !now) changes.push({ effect: 'widened', what: 'may now be more than a list of values' });
  if (!old && now) changes.push({ effect: 'narrowed', what: `may only be ${now.map(say).join(', ')} now` });
  const patterns = { before: patternsOf(before), after: patternsOf(after) };
  return {
    keywords: [
      'enum',
      'const',
      'format',
      'pattern',
      'x-rules',
      ...(patterns.before && patterns.after ? ['allOf'] : []),
    ],
    changes: [
      ...changes,
      ...compareFormat(before, after),
      ...comparePatterns(patterns.before ?? [], patterns.after ?? []),
      ...compareRules(before['x-rules'] ?? [], after['x-rules'] ?? []),
    ],
  };
}

const listed = (schema: JsonSchema): unknown[] | undefined =>
  schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
const includes = (values: unknown[], value: unknown) => values.some(each => isDeepStrictEqual(each, value));
const say = (value: unknown) => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

function compareFormat({ format: old }: JsonSchema, { format: now }: JsonSchema): Bounds['changes'] {
  if (old === now) return [];
  if (now === undefined) return [{ effect: 'widened', what: `no longer has the format ${say(old)}` }];
  if (old === undefined) return [{ effect: 'narrowed', what: `must have the format ${say(now)}` }];
  return [{ effect: 'both', what: `changed its format from ${say(old)} to ${say(now)}` }];
}

/** One pattern is a keyword of its own, several stand in `allOf`; undefined when that holds something else. */
function patternsOf({ pattern, allOf = [] }: JsonSchema): string[] | undefined {
  const more = allOf.map(part => (Object.keys(part).join() === 'pattern' ? part.pattern : undefined));
  const all = [...(pattern === undefined ? [] : [pattern]), ...more];
  return all.every(each => each !== undefined) ? all : undefined;
}

function comparePatterns(old: string[], now: string[]): Bounds['changes'] {
  const gained = now.filter(pattern => !old.includes(pattern));
  const lost = old.filter(pattern => !now.includes(pattern));
  if (gained.length > 0 && lost.length > 0) return [{ effect: 'both', what: `must match ${gained.map(say)} instead` }];
  return [
    ...gained.map(pattern => ({ effect: 'narrowed' as const, what: `must match ${say(pattern)}` })),
    ...lost.map(pattern => ({ effect: 'widened' as const, what: `need no longer match ${say(pattern)}` })),
  ];
}

/** Only their messages are known: as many as before are taken for the same ones, reworded. */
function compareRules(old: string[], now: string[]): Bounds['changes'] {
  const gained = now.filter(rule => !old.includes(rule));
  const lost = old.filter(rule => !now.includes(rule));
  if (now.length > old.length) return [{ effect: 'narrowed', what: `has a new rule: ${gained.map(say).join(', ')}` }];
  if (now.length < old.length) return [{ effect: 'widened', what: `lost a rule: ${lost.map(say).join(', ')}` }];
  if (gained.length === 0) return [];
  return [{ effect: 'compatible', what: `words a rule differently: ${gained.map(say).join(', ')}` }];
}

/** What a higher number does, and what having none means. */
const limits: [keyword: string, kind: 'least' | 'most'][] = [
  ['minimum', 'least'],
  ['exclusiveMinimum', 'least'],
  ['minLength', 'least'],
  ['minItems', 'least'],
  ['minProperties', 'least'],
  ['maximum', 'most'],
  ['exclusiveMaximum', 'most'],
  ['maxLength', 'most'],
  ['maxItems', 'most'],
  ['maxProperties', 'most'],
];

export function compareLimits(before: JsonSchema, after: JsonSchema): Bounds {
  const changes = limits.flatMap(([keyword, kind]) => {
    const none = kind === 'least' ? -Infinity : Infinity;
    const [old, now] = [before, after].map(schema => Number(schema[keyword] ?? none));
    if (old === undefined || now === undefined || old === now) return [];
    const effect: Effect = (kind === 'least' ? now > old : now < old) ? 'narrowed' : 'widened';
    const told = (value: number) => (Number.isFinite(value) ? `${value}` : 'none');
    return [{ effect, what: `changed its \`${keyword}\` from ${told(old)} to ${told(now)}` }];
  });
  return { keywords: limits.map(([keyword]) => keyword), changes };
}
