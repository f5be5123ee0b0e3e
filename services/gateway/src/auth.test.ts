import { expect, test } from '@jest/globals';
import { type Actor, httpRoutes, ok } from '@monde-sauvage/contracts';
import { type Ask, admit, createAuthenticate } from './auth.ts';

const authenticate = createAuthenticate('admin-key-for-tests-only');
const nobody: Ask = async () => {
  throw new Error('no service should be asked');
};
const guest: Actor = { kind: 'guest', bookingId: '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11' };

test('knows the administrator without asking anybody', async () => {
  expect(await authenticate('Bearer admin-key-for-tests-only', nobody)).toEqual(ok({ kind: 'admin' }));
  expect(await authenticate('bearer  admin-key-for-tests-only ', nobody)).toEqual(ok({ kind: 'admin' }));
});

test.each([undefined, '', 'Bearer', 'Basic abc', 'Bearer a b', `Bearer ${'x'.repeat(201)}`])(
  'refuses %p without asking anybody',
  async header => {
    expect(await authenticate(header, nobody)).toMatchObject({ ok: false, refusal: { code: 'unauthorized' } });
  },
);

test('what is not for this kind of actor does not exist; only the platform itself says forbidden', () => {
  expect(admit(guest, httpRoutes.getBooking)).toEqual(ok(guest));
  expect(admit(guest, httpRoutes.listBookings)).toMatchObject({ refusal: { code: 'not_found' } });
  expect(admit(guest, httpRoutes.createEstablishment)).toMatchObject({ refusal: { code: 'forbidden' } });
});
