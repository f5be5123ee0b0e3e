import type { Context } from './context.ts';

/** After a rotation of TOKEN_ENCRYPTION_KEY: what other keys sealed is sealed with the first one, so that they can go. */
export async function reencryptTokens(context: Pick<Context, 'db' | 'cipher' | 'logger'>): Promise<void> {
  const { db, cipher, logger } = context;
  const rows = await db.connection.findMany({ where: { keyId: { not: cipher.currentKeyId } } });
  let resealed = 0;
  for (const { establishmentId, refreshToken, keyId } of rows) {
    try {
      const sealed = cipher.seal(cipher.open({ ciphertext: refreshToken, keyId }, establishmentId), establishmentId);
      await db.connection.updateMany({
        where: { establishmentId, refreshToken },
        data: { refreshToken: sealed.ciphertext, keyId: sealed.keyId },
      });
      resealed += 1;
    } catch (error) {
      logger.error({ err: error, establishmentId, keyId }, 'a refresh token cannot be read; its owner must reconnect');
    }
  }
  if (resealed > 0) logger.info({ resealed, left: rows.length - resealed }, 'refresh tokens sealed with the first key');
}
