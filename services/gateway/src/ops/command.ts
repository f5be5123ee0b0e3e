import { parseArgs } from 'node:util';

export const usage = `usage: npm run ops -- payments reconcile [--days 7]   compare with Stripe, set our rows right (1 to 90 days)
       npm run ops -- payments review                 what waits for a person
       npm run ops -- payments resolve <id> --note "what was done"`;

export type Command =
  | { verb: 'help' }
  | { verb: 'wrong'; message: string }
  | { verb: 'reconcile'; days: number }
  | { verb: 'review' }
  | { verb: 'resolve'; id: string; note: string };

const options = { days: { type: 'string' }, note: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
/** What each verb takes besides its positionals. */
const taking = new Map<string | undefined, readonly string[]>([
  ['reconcile', ['days']],
  ['review', []],
  ['resolve', ['note']],
]);
const wrong = (message: string): Command => ({ verb: 'wrong', message });

/** What an operator typed, or what is wrong with it: nothing that was typed is passed over. */
export function readCommand(args: string[]): Command {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
  const { positionals, values } = parsed;
  const [area, verb, ...rest] = positionals;
  if (values.help || area === undefined || area === 'help') return { verb: 'help' };
  if (area !== 'payments') return wrong(`there is no "${area}"`);
  const taken = taking.get(verb);
  if (taken === undefined) return wrong(verb === undefined ? 'payments: what about them?' : `there is no "${verb}"`);
  const unknown = Object.keys(values).find(name => !taken.includes(name));
  if (unknown !== undefined) return wrong(`${verb} takes no --${unknown}`);
  const extra = rest[verb === 'resolve' ? 1 : 0];
  if (extra !== undefined) return wrong(`${verb} takes no "${extra}"`);
  if (verb === 'review') return { verb };
  if (verb === 'reconcile') return readDays(values.days ?? '7');
  const [id] = rest;
  const note = values.note?.trim();
  if (id === undefined) return wrong('resolve needs the id that review shows');
  return note ? { verb: 'resolve', id, note } : wrong('resolve needs --note: what was done about it');
}

const parse = (args: string[]) => parseArgs({ args, allowPositionals: true, options });

function readDays(text: string): Command {
  const days = Number(text);
  const inRange = /^\d+$/.test(text) && days >= 1 && days <= 90;
  return inRange ? { verb: 'reconcile', days } : wrong(`--days must be a whole number from 1 to 90, not "${text}"`);
}
