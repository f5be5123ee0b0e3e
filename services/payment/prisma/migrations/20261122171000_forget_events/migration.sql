-- Events that are done with are deleted after a while.
CREATE INDEX "stripe_events_done" ON "stripe_events" ("processed_at") WHERE "processed_at" IS NOT NULL AND "outcome" <> 'needs_review';
