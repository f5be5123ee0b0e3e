import { invalidParam, noSuch } from './errors.ts';

/** Stripe's list object. */
export interface List<T> {
  object: 'list';
  url: string;
  has_more: boolean;
  data: T[];
}

interface PageParams {
  limit?: number | undefined;
  starting_after?: string | undefined;
  ending_before?: string | undefined;
  created?:
    | { gt?: number | undefined; gte?: number | undefined; lt?: number | undefined; lte?: number | undefined }
    | undefined;
}

/**
 * One page of `items` (oldest first) as Stripe lists them: newest first, 10 unless told, at most 100. `kind` is how Stripe
 * calls the object when a cursor does not exist.
 */
export function listPage<T extends { id: string; created?: number }>(
  url: string,
  kind: string,
  items: T[],
  params: PageParams,
): List<T> {
  const limit = params.limit ?? 10;
  if (limit < 1 || limit > 100) {
    const message =
      limit < 1 ? 'This value must be greater than or equal to 1.' : 'This value must be less than or equal to 100.';
    throw invalidParam('limit', message, limit < 1 ? 'parameter_invalid_integer' : undefined);
  }
  const newestFirst = items.filter(item => isWithin(item.created ?? 0, params.created)).reverse();
  if (params.ending_before !== undefined) {
    const before = newestFirst.slice(0, cursorIndex(newestFirst, kind, params.ending_before, 'ending_before'));
    return { object: 'list', url, has_more: before.length > limit, data: before.slice(-limit) };
  }
  const start =
    params.starting_after === undefined
      ? 0
      : cursorIndex(newestFirst, kind, params.starting_after, 'starting_after') + 1;
  const data = newestFirst.slice(start, start + limit);
  return { object: 'list', url, has_more: start + data.length < newestFirst.length, data };
}

function cursorIndex(items: { id: string }[], kind: string, id: string, param: string): number {
  const index = items.findIndex(item => item.id === id);
  if (index < 0) throw noSuch(kind, id, param);
  return index;
}

function isWithin(at: number, range: PageParams['created']): boolean {
  return (
    (range?.gt === undefined || at > range.gt) &&
    (range?.gte === undefined || at >= range.gte) &&
    (range?.lt === undefined || at < range.lt) &&
    (range?.lte === undefined || at <= range.lte)
  );
}
