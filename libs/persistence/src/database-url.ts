/** The database cannot be reached or does not let us in. The message is one line, fit to be shown at start. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';
}

/** `host:port/database` of a connection URL, without user and password. */
export function describeDatabase(databaseUrl: string): string {
  const url = URL.canParse(databaseUrl) ? new URL(databaseUrl) : undefined;
  if (!url) return 'the configured database';
  return `${url.hostname || 'localhost'}:${url.port || '5432'}${url.pathname}`;
}

/** The error to throw when connecting to `where` failed: the cause in one line. */
export function explainConnectionError(error: unknown, where: string): DatabaseUnavailableError {
  return new DatabaseUnavailableError(`cannot use Postgres at ${where}: ${firstLine(error)}`, { cause: error });
}

/** What an error says, in one line; an AggregateError (one try per address of the host) speaks through its first. */
export function firstLine(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error).trim().split('\n', 1)[0] ?? '';
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) return firstLine(error.errors[0]);
  if ('cause' in error && typeof error.cause === 'object' && error.cause && 'originalMessage' in error.cause) {
    return firstLine(error.cause.originalMessage); // Prisma's adapter: its own message is often only a kind
  }
  const text = 'message' in error ? String(error.message) : String(error);
  return text.trim().split('\n', 1)[0] ?? '';
}
