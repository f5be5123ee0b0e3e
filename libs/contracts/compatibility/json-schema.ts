import { z } from 'zod';

/** What the comparison knows of JSON Schema; other keywords are kept and have to stay as they are. */
export interface JsonSchema {
  [keyword: string]: unknown;
  $ref?: string | undefined;
  type?: string | string[] | undefined;
  enum?: unknown[] | undefined;
  const?: unknown;
  properties?: Record<string, JsonSchema> | undefined;
  required?: string[] | undefined;
  additionalProperties?: boolean | JsonSchema | undefined;
  propertyNames?: JsonSchema | undefined;
  items?: boolean | JsonSchema | undefined;
  prefixItems?: JsonSchema[] | undefined;
  anyOf?: JsonSchema[] | undefined;
  oneOf?: JsonSchema[] | undefined;
  allOf?: JsonSchema[] | undefined;
  pattern?: string | undefined;
  /** Rules that only code can check (`refine`), by the messages they refuse with. */
  'x-rules'?: string[] | undefined;
  /** Its readers replace a value that they do not know (`catch`). */
  'x-tolerant'?: boolean | undefined;
}

export const jsonSchema: z.ZodType<JsonSchema> = z.lazy(() =>
  z.looseObject({
    $ref: z.string().optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    enum: z.array(z.unknown()).optional(),
    const: z.unknown().optional(),
    properties: z.record(z.string(), jsonSchema).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.boolean(), jsonSchema]).optional(),
    propertyNames: jsonSchema.optional(),
    items: z.union([z.boolean(), jsonSchema]).optional(),
    prefixItems: z.array(jsonSchema).optional(),
    anyOf: z.array(jsonSchema).optional(),
    oneOf: z.array(jsonSchema).optional(),
    allOf: z.array(jsonSchema).optional(),
    pattern: z.string().optional(),
    'x-rules': z.array(z.string()).optional(),
    'x-tolerant': z.boolean().optional(),
  }),
);

/** For people, not for messages: their change is nobody's concern here. */
const documentation = new Set(['$schema', 'id', 'title', 'description', 'example', 'examples', 'deprecated']);

/** The patterns zod writes beside formats of its own; they follow from the format and change with zod's versions. */
const impliedPatterns: Record<string, string> = {
  uuid: z.regexes.uuid().source,
  email: z.regexes.email.source,
  'date-time': z.regexes.datetime({}).source,
  base64: z.regexes.base64.source,
};

/**
 * A zod schema as the JSON Schema of what travels: `input` is what its readers accept (fields with a default may be
 * missing), `output` what they make of it. Documentation is left out, keys and enums are in order.
 */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const made = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema: json }) {
      const rules = rulesOf(zodSchema);
      if (rules.length > 0) json['x-rules'] = rules;
      if (zodSchema._zod.def.type === 'catch') {
        // What stands in for an unknown value is the reader's own business; clients over HTTP are no such readers.
        delete json.default;
        if (io === 'input') json['x-tolerant'] = true;
      }
    },
  });
  return jsonSchema.parse(simplify(made, io));
}

function rulesOf(schema: z.core.$ZodType): string[] {
  const custom = (schema._zod.def.checks ?? []).filter(({ _zod }) => _zod.def.check === 'custom');
  return custom.map(({ _zod: { def } }) => {
    const said: unknown = def.error && Reflect.apply(def.error, undefined, [{ code: 'custom', path: [] }]);
    return typeof said === 'string' ? said : 'a rule between fields';
  });
}

function simplify(value: unknown, io: 'input' | 'output'): unknown {
  if (Array.isArray(value)) return value.map(item => simplify(item, io));
  if (typeof value !== 'object' || value === null) return value;
  const given = new Map<string, unknown>(Object.entries(value));
  for (const keyword of documentation) given.delete(keyword);
  if (given.get('pattern') === impliedPatterns[String(given.get('format'))]) given.delete('pattern');
  if (given.get('type') === 'integer') {
    const above = given.get('exclusiveMinimum');
    if (typeof above === 'number') given.delete('exclusiveMinimum') && given.set('minimum', above + 1);
    if (given.get('minimum') === Number.MIN_SAFE_INTEGER) given.delete('minimum');
    if (given.get('maximum') === Number.MAX_SAFE_INTEGER) given.delete('maximum');
  }
  // An answer is what zod leaves of it: that it strips the rest is no promise to who reads it.
  if (io === 'output' && given.get('additionalProperties') === false) given.delete('additionalProperties');
  const sorted = [...given].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([keyword, inner]) => [keyword, simplifyKeyword(keyword, inner, io)]));
}

function simplifyKeyword(keyword: string, value: unknown, io: 'input' | 'output'): unknown {
  if ((keyword === 'required' || keyword === 'enum') && Array.isArray(value)) return [...value].sort();
  // Names of fields are no keywords: a field may well be called `description`.
  if ((keyword === 'properties' || keyword === '$defs') && typeof value === 'object' && value !== null) {
    const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([name, inner]) => [name, simplify(inner, io)]));
  }
  return ['default', 'const'].includes(keyword) ? value : simplify(value, io);
}
