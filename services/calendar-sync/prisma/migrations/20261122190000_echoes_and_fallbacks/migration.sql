-- When to list although nothing was pushed: a push that a write of ours should have caused did not come.
ALTER TABLE "calendars" ADD COLUMN "check_at" TIMESTAMPTZ(3);
CREATE INDEX "calendars_check_at_idx" ON "calendars" ("check_at");
-- Why there is no push channel.
ALTER TABLE "calendars" ADD COLUMN "watch_error" TEXT;
-- The numbers of the last messages: Google repeats a message whose answer it did not get.
ALTER TABLE "channels" ADD COLUMN "messages" BIGINT[] NOT NULL DEFAULT ARRAY[]::BIGINT[];
-- Ids of the sequence after the first, which cannot be turned back into the booking.
ALTER TABLE "mirrors" ADD COLUMN "fallback_event_ids" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[];
CREATE INDEX "mirrors_fallback_event_ids_idx" ON "mirrors" USING GIN ("fallback_event_ids");
