import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes, randomInt } from 'node:crypto';

/** Tells an owner key from a manage token without a look at the database. */
export const prefixes = { ownerKey: 'msk_', manageToken: 'msb_' } as const;

/** A new secret of 256 random bits. It is shown once; only its hash is kept. */
export const newSecret = (kind: keyof typeof prefixes): string =>
  `${prefixes[kind]}${randomBytes(32).toString('base64url')}`;

/** With 256 random bits a plain hash is enough: there is nothing to guess. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Letters and digits that are not mistaken for one another when read out. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/** A short name of a booking for people, such as MS-7K3QXD. Not secret, unique by the database's word only. */
export const newReference = (): string =>
  `MS-${Array.from({ length: 6 }, () => alphabet[randomInt(alphabet.length)]).join('')}`;

/** The same text for the same value, whatever the order of its fields was. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

const saltBytes = 16;
const ivBytes = 12;
const tagBytes = 16;

/**
 * Seals an answer with the idempotency key that asked for it (AES-256-GCM, key by HKDF). The database keeps only the
 * key's hash, so it holds no usable manage token.
 */
export function sealAnswer(idempotencyKey: string, answer: string): string {
  const salt = randomBytes(saltBytes);
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', deriveKey(idempotencyKey, salt), iv);
  const sealed = Buffer.concat([cipher.update(answer, 'utf8'), cipher.final()]);
  return Buffer.concat([salt, iv, cipher.getAuthTag(), sealed]).toString('base64');
}

/** @throws Error when the answer was sealed with another key or altered */
export function openAnswer(idempotencyKey: string, answer: string): string {
  const bytes = Buffer.from(answer, 'base64');
  const salt = bytes.subarray(0, saltBytes);
  const iv = bytes.subarray(saltBytes, saltBytes + ivBytes);
  const decipher = createDecipheriv('aes-256-gcm', deriveKey(idempotencyKey, salt), iv);
  decipher.setAuthTag(bytes.subarray(saltBytes + ivBytes, saltBytes + ivBytes + tagBytes));
  const sealed = bytes.subarray(saltBytes + ivBytes + tagBytes);
  return Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8');
}

const deriveKey = (idempotencyKey: string, salt: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', idempotencyKey, salt, 'monde-sauvage idempotent answer', 32));
