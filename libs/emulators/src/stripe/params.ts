import { z } from 'zod';
import { invalidParam } from './errors.ts';
import type { FormTree } from './form.ts';

/** Field types of form-encoded parameters. */
export const text = z.string().max(5000);
export const integer = z
  .string()
  .regex(/^-?\d{1,12}$/, 'Invalid integer')
  .transform(Number);
export const flag = z.enum(['true', 'false']).transform(value => value === 'true');
/** Stripe: at most 50 keys, names up to 40 and values up to 500 characters. */
export const metadata = z
  .record(z.string().max(40), z.string().max(500))
  .refine(value => Object.keys(value).length <= 50, 'Metadata can have at most 50 keys')
  .transform(value => ({ ...value }));

export function listOf<T extends z.ZodType>(item: T) {
  return z.preprocess(
    value => (typeof value === 'object' && value !== null ? Object.values(value) : value),
    z.array(item),
  );
}

const range = z.union([
  integer.transform(at => ({ gte: at, lte: at })),
  z.strictObject({ gt: integer.optional(), gte: integer.optional(), lt: integer.optional(), lte: integer.optional() }),
]);

/** What every list takes. */
export const listParams = {
  limit: integer.optional(),
  starting_after: z.string().optional(),
  ending_before: z.string().optional(),
  created: range.optional(),
};

/** Parses parameters or throws the 400 that Stripe answers for the first thing wrong with them. */
export function parseParams<S extends z.ZodType>(schema: S, params: FormTree): z.output<S> {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.map(String) ?? [];
  if (issue?.code === 'unrecognized_keys') {
    const name = nameOf([...path, issue.keys[0] ?? '']);
    throw invalidParam(name, `Received unknown parameter: ${name}`, 'parameter_unknown');
  }
  const value = path.reduce<unknown>((node, key) => (isTree(node) ? node[key] : undefined), params);
  const name = nameOf(path);
  if (value === undefined) throw invalidParam(name, `Missing required param: ${name}.`, 'parameter_missing');
  if (issue?.message === 'Invalid integer') {
    throw invalidParam(name, `Invalid integer: ${String(value)}`, 'parameter_invalid_integer');
  }
  if (value === '') {
    const message = `You passed an empty string for '${name}'. We assume empty values are an attempt to unset a parameter; however '${name}' cannot be unset. You should remove '${name}' from your request or supply a non-empty value.`;
    throw invalidParam(name, message, 'parameter_invalid_empty');
  }
  throw invalidParam(name, `Invalid ${name}: ${issue?.message ?? 'not understood'}`);
}

const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const nameOf = (path: string[]): string => path.map((key, index) => (index === 0 ? key : `[${key}]`)).join('');
