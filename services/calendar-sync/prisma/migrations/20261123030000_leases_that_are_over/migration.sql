-- A sync in which a replica ended is taken over when its lease is over.
CREATE INDEX "calendars_lease_until_idx" ON "calendars" ("lease_until");
