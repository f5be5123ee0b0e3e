-- Events of ours that could not be deleted when they had to go: their calendar was out of reach then. Where they are is
-- kept until Google has confirmed that they are gone. Nothing of the guest is.
CREATE TABLE "left_mirrors" (
  "calendar_id" TEXT NOT NULL,
  "event_id" TEXT NOT NULL,
  "booking_id" UUID NOT NULL,
  "chalet_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "account" TEXT,
  "etag" TEXT,
  "end_date" DATE NOT NULL,
  "reason" TEXT NOT NULL,
  "since" TIMESTAMPTZ(3) NOT NULL,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "next_attempt_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "left_mirrors_pkey" PRIMARY KEY ("calendar_id", "event_id")
);
CREATE INDEX "left_mirrors_establishment_id_idx" ON "left_mirrors" ("establishment_id");
CREATE INDEX "left_mirrors_chalet_id_idx" ON "left_mirrors" ("chalet_id");
CREATE INDEX "left_mirrors_next_attempt_at_idx" ON "left_mirrors" ("next_attempt_at");

-- The account that a mirror's place was written with, once another one is connected.
ALTER TABLE "mirrors" ADD COLUMN "place_account" TEXT;
