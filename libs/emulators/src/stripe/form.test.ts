import { describe, expect, test } from '@jest/globals';
import { parseForm } from './form.ts';

describe('form fields with brackets', () => {
  test('become a tree', () => {
    expect(parseForm('a=1&b[c]=2&b[d][0][e]=3&b[d][1][e]=4&f[]=5&f[]=6')).toEqual({
      a: '1',
      b: { c: '2', d: { 0: { e: '3' }, 1: { e: '4' } } },
      f: { 0: '5', 1: '6' },
    });
  });

  test('keep names that mean something to JavaScript as mere names', () => {
    const tree = parseForm('__proto__[polluted]=1&constructor=2');
    expect(Object.keys(tree)).toEqual(['__proto__', 'constructor']);
    expect('polluted' in {}).toBe(false);
  });
});
