/**
 * SQLSTATE: five characters, class first. The classes are spelled out because Prisma's codes (P2002) and the system's
 * (EPIPE) look alike.
 */
const sqlState = /^(?:\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;

/** Prisma drops the SQLSTATE of some errors it gives a kind of its own; these are the ones callers act upon. */
const sqlStateOfKind: Record<string, string> = {
  UniqueConstraintViolation: '23505',
  ForeignKeyConstraintViolation: '23503',
  NullConstraintViolation: '23502',
  TransactionWriteConflict: '40001',
  TooManyConnections: '53300',
  DatabaseDoesNotExist: '3D000',
  AuthenticationFailed: '28P01',
};
const sqlStateOfPrismaCode: Record<string, string> = { P2002: '23505', P2003: '23503', P2011: '23502', P2034: '40001' };

const lostKinds = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout']);
const lostCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['57P01', '57P02', '57P03', '53300'], // shut down by an operator, crashed, starting up, too many connections
  ...['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2037'],
]);
const lostMessage =
  /^(connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|query read timeout|database ".*" is not currently accepting connections)/i;

const clientTimeout = /^(timeout exceeded when trying to connect|query read timeout)/i;

/**
 * The SQLSTATE of a database error ('23P01', '40P01', '23505' …), dug out of what pg, Prisma's driver adapter and
 * Prisma's client wrap around it; undefined when Postgres did not say one.
 */
export function postgresErrorCode(error: unknown): string | undefined {
  const layers = [...layersOf(error)];
  for (const layer of layers) {
    const code = [layer.originalCode, layer.code].find(value => typeof value === 'string' && sqlState.test(value));
    if (typeof code === 'string') return code;
  }
  for (const { kind, code } of layers) {
    const known =
      (typeof kind === 'string' ? sqlStateOfKind[kind] : undefined) ??
      (typeof code === 'string' ? sqlStateOfPrismaCode[code] : undefined);
    if (known) return known;
  }
  return undefined;
}

/**
 * The name of the constraint or index that refused a row, where Postgres or Prisma names it: tells two unique keys
 * of one table apart.
 */
export function postgresConstraint(error: unknown): string | undefined {
  for (const { constraint, kind, message } of layersOf(error)) {
    if (typeof constraint === 'string') return constraint;
    if (isRecord(constraint) && typeof constraint.index === 'string') return constraint.index;
    // Prisma's adapter keeps only the words for an exclusion or check constraint.
    const named = kind === 'postgres' && typeof message === 'string' ? / constraint "([^"]+)"/.exec(message) : null;
    if (named?.[1]) return named[1];
  }
  return undefined;
}

/** Whether the connection was refused or lost, so that the outcome of a commit under way is unknown. */
export function isConnectionLoss(error: unknown): boolean {
  for (const { code, originalCode, kind, message } of layersOf(error)) {
    if (typeof kind === 'string' && lostKinds.has(kind)) return true;
    for (const said of [code, originalCode]) {
      if (typeof said === 'string' && (lostCodes.has(said) || /^08[0-9A-Z]{3}$/.test(said))) return true;
    }
    if (typeof message === 'string' && lostMessage.test(message)) return true;
  }
  return false;
}

/** Whether no connection, or no answer over it, could be had in time: all are busy, or the server says nothing. */
export function isClientTimeout(error: unknown): boolean {
  for (const { message } of layersOf(error)) {
    if (typeof message === 'string' && clientTimeout.test(message)) return true;
  }
  return false;
}

/** Waited too long for a lock or a statement, or lost against others once too often: a later try can succeed. */
const passing = new Set(['55P03', '57014', '40001', '40P01', '25P03']);

/** Prisma got no connection out of the pool in time to begin a transaction, or the transaction took too long. */
const noTransaction = 'P2028';

/** Whether the database cannot be reached or is overloaded, so that the same may succeed a little later. */
export function isDatabaseAway(error: unknown): boolean {
  if (isConnectionLoss(error) || passing.has(postgresErrorCode(error) ?? '')) return true;
  return isRecord(error) && error.code === noTransaction;
}

/** The error and everything it wraps, outermost first. Bounded, since a cause may point back at its error. */
function* layersOf(error: unknown): Generator<Record<string, unknown>> {
  const queue: unknown[] = [error];
  for (let seen = 0; queue.length > 0 && seen < 20; seen++) {
    const layer = queue.shift();
    if (!isRecord(layer)) continue;
    yield layer;
    queue.push(layer.cause, layer.meta, layer.driverAdapterError);
    if (Array.isArray(layer.errors)) queue.push(...layer.errors); // AggregateError: one try per address
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
