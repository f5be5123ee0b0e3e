import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

export interface Sealed {
  /** base64 of nonce (12 bytes), tag (16) and ciphertext. */
  ciphertext: string;
  keyId: string;
}

export interface TokenCipher {
  /** Encrypts with the first key. `context` binds the result to its row: it cannot be opened in another one. */
  seal(plaintext: string, context: string): Sealed;
  /** @throws Error when the key is not known any more, or the text was tampered with or belongs to another context */
  open(sealed: Sealed, context: string): string;
  /** Id of the key that writes; rows under another are encrypted again when they are next written. */
  currentKeyId: string;
}

/**
 * AES-256-GCM with rotatable keys.
 * @param keys 32 bytes each; the first one writes, all of them read. A key's id is the start of its SHA-256.
 */
export function createTokenCipher(keys: Buffer[]): TokenCipher {
  const byId = new Map(keys.map(key => [createHash('sha256').update(key).digest('hex').slice(0, 8), key]));
  const [first] = byId;
  if (first === undefined) throw new Error('no encryption key');
  const [currentKeyId, currentKey] = first;
  return {
    currentKeyId,
    seal(plaintext, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', currentKey, nonce).setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return { ciphertext: Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64'), keyId: currentKeyId };
    },
    open({ ciphertext, keyId }, context) {
      const key = byId.get(keyId);
      if (key === undefined) throw new Error(`TOKEN_ENCRYPTION_KEY no longer contains the key ${keyId}`);
      const bytes = Buffer.from(ciphertext, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
    },
  };
}
