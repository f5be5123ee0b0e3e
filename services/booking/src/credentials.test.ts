import { describe, expect, it } from '@jest/globals';
import { canonicalJson, newReference, newSecret, openAnswer, sealAnswer } from './credentials.ts';

describe('a sealed answer', () => {
  it('opens with its key only', () => {
    const sealed = sealAnswer('key-1', '{"manageToken":"msb_secret"}');
    expect(sealed).not.toContain('msb_secret');
    expect(openAnswer('key-1', sealed)).toBe('{"manageToken":"msb_secret"}');
    expect(() => openAnswer('key-2', sealed)).toThrow();
  });

  it('cannot be altered', () => {
    const bytes = Buffer.from(sealAnswer('key-1', 'answer'), 'base64');
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    expect(() => openAnswer('key-1', bytes.toString('base64'))).toThrow();
  });
});

describe('canonical JSON', () => {
  it('does not depend on the order of fields', () => {
    expect(canonicalJson({ b: [{ d: 1, c: null }], a: 'x' })).toBe(canonicalJson({ a: 'x', b: [{ c: null, d: 1 }] }));
    expect(canonicalJson({ a: [1, 2] })).not.toBe(canonicalJson({ a: [2, 1] }));
  });
});

describe('secrets and references', () => {
  it('say what they are', () => {
    expect(newSecret('manageToken')).toMatch(/^msb_[\w-]{43}$/);
    expect(newSecret('ownerKey')).toMatch(/^msk_[\w-]{43}$/);
    expect(newReference()).toMatch(/^MS-[2-9A-HJ-NP-Z]{6}$/);
  });
});
