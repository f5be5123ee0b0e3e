-- A mirror that was changed in Google waits for its owner's decision: restore it, or cancel the booking.
CREATE TABLE "drift_decisions" (
  "booking_id" UUID NOT NULL,
  "id" UUID NOT NULL,
  "chalet_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "status" TEXT NOT NULL,
  "kinds" TEXT[],
  "drift" TEXT NOT NULL,
  "reference" TEXT NOT NULL,
  "wanted" JSONB NOT NULL,
  "found" JSONB,
  "since" TIMESTAMPTZ(3) NOT NULL,
  "decided_at" TIMESTAMPTZ(3),
  CONSTRAINT "drift_decisions_pkey" PRIMARY KEY ("booking_id")
);
CREATE UNIQUE INDEX "drift_decisions_id_key" ON "drift_decisions" ("id");
CREATE INDEX "drift_decisions_establishment_id_id_idx" ON "drift_decisions" ("establishment_id", "id");

ALTER TABLE "drift_decisions" ADD CONSTRAINT "drift_decisions_status_check"
  CHECK ("status" IN ('waiting', 'cancelling', 'restoring', 'restored', 'cancelled', 'undone', 'closed'));

-- A mirror whose question waits is neither synced nor due.
ALTER TABLE "mirrors" DROP CONSTRAINT "mirrors_state_check", ADD CONSTRAINT "mirrors_state_check"
  CHECK ("state" IN ('wanted', 'synced', 'removed', 'blocked', 'failed', 'awaiting_decision'));
