import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { createTokenCipher } from './token-cipher.ts';

describe('the token cipher', () => {
  const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];

  test('opens what it sealed, which never looks the same twice', () => {
    const cipher = createTokenCipher([newKey]);
    const sealed = cipher.seal('refresh-token', 'row');
    expect(cipher.open(sealed, 'row')).toBe('refresh-token');
    expect(cipher.seal('refresh-token', 'row').ciphertext).not.toBe(sealed.ciphertext);
  });

  test('writes with the first key and reads with all', () => {
    const sealed = createTokenCipher([oldKey]).seal('refresh-token', 'row');
    const rotated = createTokenCipher([newKey, oldKey]);
    expect(rotated.open(sealed, 'row')).toBe('refresh-token');
    expect(rotated.seal('x', 'row').keyId).toBe(createTokenCipher([newKey]).currentKeyId);
    expect(() => createTokenCipher([newKey]).open(sealed, 'row')).toThrow('TOKEN_ENCRYPTION_KEY');
  });

  test('refuses a text that was moved to another row or changed', () => {
    const cipher = createTokenCipher([newKey]);
    const sealed = cipher.seal('refresh-token', 'row');
    expect(() => cipher.open(sealed, 'another row')).toThrow();
    const bytes = Buffer.from(sealed.ciphertext, 'base64');
    bytes.writeUInt8(bytes.readUInt8(30) ^ 1, 30);
    expect(() => cipher.open({ ...sealed, ciphertext: bytes.toString('base64') }, 'row')).toThrow();
  });
});
