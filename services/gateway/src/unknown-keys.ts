/**
 * The keys of a body that its schema dropped because it knows none of that name, at any depth: whoever misspells
 * `minNights` must not believe it set. Only at this edge: between services what one does not know yet is passed over, so
 * that versions can run side by side (decision 009).
 * @param parsed what the schema made of `given`: no schema of a body renames keys or reorders lists
 */
export function findUnknownKeys(given: unknown, parsed: unknown, path: (string | number)[] = []): string[] {
  if (Array.isArray(given) && Array.isArray(parsed)) {
    return given.flatMap((item, index) => findUnknownKeys(item, parsed[index], [...path, index]));
  }
  if (!isRecord(given) || !isRecord(parsed)) return [];
  return Object.entries(given).flatMap(([key, value]) =>
    Object.hasOwn(parsed, key) ? findUnknownKeys(value, parsed[key], [...path, key]) : [[...path, key].join('.')],
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
