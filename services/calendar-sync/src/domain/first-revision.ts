const since = Date.UTC(2026, 0, 1);

/**
 * The first revision of something that is not in our database: seconds since 2026. Readers keep the highest they have
 * seen, so a database that is built again from nothing has to begin above what it once said.
 */
export const firstRevision = (now: Date): number => Math.max(1, Math.floor((now.getTime() - since) / 1_000));
