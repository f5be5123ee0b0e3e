-- A decision to cancel is carried out until the booking service has answered: who decided, how often it was tried, when next,
-- and why it did not work.
ALTER TABLE "drift_decisions"
  ADD COLUMN "decider" JSONB,
  ADD COLUMN "attempts" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "next_attempt_at" TIMESTAMPTZ(3),
  ADD COLUMN "problem" TEXT;
CREATE INDEX "drift_decisions_status_next_attempt_at_idx" ON "drift_decisions" ("status", "next_attempt_at");
