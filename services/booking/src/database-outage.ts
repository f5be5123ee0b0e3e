import { type RequestHandler, UnavailableError } from '@monde-sauvage/messaging';
import { isConnectionLoss, postgresErrorCode } from '@monde-sauvage/persistence';

/** Waited too long for a lock or a statement, or lost against others once too often: a later try can succeed. */
const passing = new Set(['55P03', '57014', '40001', '40P01', '25P03']);

/** Prisma got no connection out of the pool in time to begin a transaction. */
const noTransaction = 'P2028';

const isDatabaseAway = (error: unknown): boolean =>
  isConnectionLoss(error) ||
  passing.has(postgresErrorCode(error) ?? '') ||
  (error instanceof Error && 'code' in error && error.code === noTransaction);

/** A handler that answers `unavailable`, to be tried again, when the database cannot be reached or is overloaded. */
export const unavailableWithoutDatabase = (handler: RequestHandler): RequestHandler => ({
  ...handler,
  async answer(input, context) {
    try {
      return await handler.answer(input, context);
    } catch (error) {
      if (isDatabaseAway(error))
        throw new UnavailableError('booking', 'its database does not answer', { cause: error });
      throw error;
    }
  },
});
