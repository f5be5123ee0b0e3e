-- One replica at a time exchanges a connection's refresh token: Google may hand out another one and refuse the old.
ALTER TABLE "connections" ADD COLUMN "refresh_owner" UUID, ADD COLUMN "refresh_until" TIMESTAMPTZ(3);
