import type { Context } from './context.ts';

/** After a rotation of TOKEN_ENCRYPTION_KEY: what other keys sealed is sealed with the first one, so that they can go. */
export async function reencryptTokens(context: Pick<Context, 'db' | 'cipher' | 'logger'>): Promise<void> {
  const { db, cipher, logger } = context;
  const rows = await db.connection.findMany({ where: { keyId: { not: cipher.currentKeyId } } });
  for (const { establishmentId, refreshToken, keyId } of rows) {
    try {
      const sealed = cipher.seal(cipher.open({ ciphertext: refreshToken, keyId }, establishmentId), establishmentId);
      await db.connection.updateMany({
        where: { establishmentId, refreshToken },
        data: { refreshToken: sealed.ciphertext, keyId: sealed.keyId },
      });
    } catch (error) {
      logger.error({ err: error, establishmentId, keyId }, 'a refresh token cannot be read; its owner must reconnect');
    }
  }
}
