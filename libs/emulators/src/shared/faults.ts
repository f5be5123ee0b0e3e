import { z } from 'zod';

/** What a test can have go wrong with the next matching calls. */
export const faultRuleSchema = z.strictObject({
  /** Both are optional: no match means every call. `path` is a regular expression over the path without its query. */
  match: z.strictObject({ method: z.string().optional(), path: z.string().optional() }).default({}),
  /** How many matching calls it hits before it is used up. */
  times: z.number().int().positive().default(1),
  /** How many matching calls pass untouched first. */
  skip: z.number().int().nonnegative().default(0),
  /** Answered instead of the real answer. Without it the call is only slowed down or its answer lost. */
  status: z.number().int().min(200).max(599).optional(),
  /** Machine readable code (Stripe) or reason (Google) of the error body. */
  code: z.string().optional(),
  type: z.string().optional(),
  message: z.string().optional(),
  headers: z.record(z.string(), z.string()).default({}),
  latencyMs: z.number().nonnegative().default(0),
  /** The connection breaks: `before` nothing happened, `after` the call took effect and its answer is lost. */
  loseResponse: z.enum(['before', 'after']).optional(),
  /** With `status`: the call takes effect although an error is answered. */
  applied: z.boolean().default(false),
});

export type FaultRuleInput = z.input<typeof faultRuleSchema>;
export type Fault = z.output<typeof faultRuleSchema>;

export interface Faults {
  add(rule: FaultRuleInput): void;
  /** The fault that hits this call, if any; counts it as used. Rules are tried in the order they were added. */
  take(method: string, path: string): Fault | undefined;
  list(): Fault[];
  clear(): void;
}

/** An ordered list of fault rules; a used-up rule disappears. `add` throws a ZodError or SyntaxError on a bad rule. */
export function createFaults(): Faults {
  let rules: { rule: Fault; path: RegExp | undefined }[] = [];

  return {
    add(input) {
      const rule = faultRuleSchema.parse(input);
      rules.push({ rule, path: rule.match.path === undefined ? undefined : new RegExp(rule.match.path) });
    },
    take(method, path) {
      for (const entry of rules) {
        const { rule } = entry;
        if (rule.match.method !== undefined && rule.match.method.toUpperCase() !== method) continue;
        if (entry.path !== undefined && !entry.path.test(path)) continue;
        if (rule.skip > 0) {
          rule.skip -= 1;
          continue;
        }
        rule.times -= 1;
        if (rule.times === 0) rules = rules.filter(other => other !== entry);
        return rule;
      }
      return undefined;
    },
    list: () => rules.map(entry => structuredClone(entry.rule)),
    clear() {
      rules = [];
    },
  };
}
