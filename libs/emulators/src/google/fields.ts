import { invalid } from './errors.ts';
import { isObject } from './http.ts';

/** A tree of what `fields` asks for; an empty one means everything below. */
type Mask = Map<string, Mask>;

/**
 * Keeps only what a `fields` parameter names, such as `nextPageToken,items(id,start/date)` (Google: partial response).
 * @throws GoogleApiError 400 for a mask that cannot be read
 */
export function selectFields(value: unknown, fields: string): unknown {
  return pick(value, parseMask(fields));
}

function pick(value: unknown, mask: Mask): unknown {
  if (mask.size === 0 || mask.has('*')) return value;
  if (Array.isArray(value)) return value.map(item => pick(item, mask));
  if (!isObject(value)) return value;
  const kept = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
    const below = mask.get(key);
    return below ? [[key, pick(item, below)]] : [];
  });
  return Object.fromEntries(kept);
}

function parseMask(text: string): Mask {
  const root: Mask = new Map();
  const open: Mask[] = [root];
  let at = root;
  for (const token of text.match(/[(),/]|[^(),/]+/g) ?? []) {
    const enclosing = open.at(-1);
    if (!enclosing) throw invalid('Invalid field selection', 'fields');
    if (token === '(') open.push(at);
    else if (token === ')') open.pop();
    else if (token === ',') at = enclosing;
    else if (token !== '/') {
      const next = at.get(token.trim()) ?? new Map();
      at.set(token.trim(), next);
      at = next;
    }
  }
  if (open.length !== 1) throw invalid('Invalid field selection', 'fields');
  return root;
}
