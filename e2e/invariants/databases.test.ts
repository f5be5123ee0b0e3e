import { describe, expect, it } from '@jest/globals';
import { findDatabaseUrls } from './databases.ts';

describe('the databases', () => {
  it('are found by their own variables first, then on the common server, then in the data folder', () => {
    const env = { DATABASE_URL_BASE: 'postgres://db:5432/?sslmode=require', DATABASE_PREFIX: 'ms_' };
    const found = findDatabaseUrls({ ...env, CALENDAR_SYNC_DATABASE_URL: 'postgres://other/sync' });
    expect(found.booking).toBe('postgres://db:5432/ms_booking?sslmode=require');
    expect(found['calendar-sync']).toBe('postgres://other/sync');
    expect(() => findDatabaseUrls({ DATA_DIR: '/nowhere' })).toThrow(/booking: set BOOKING_DATABASE_URL/);
  });
});
