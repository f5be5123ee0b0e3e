-- Two chalets, also of different establishments, that mirror into one calendar would take each other's stays for their own.
CREATE UNIQUE INDEX "calendars_calendar_id_key" ON "calendars" ("calendar_id");

-- Refresh tokens that are to be revoked at Google, until it has answered.
CREATE TABLE "spent_tokens" (
  "id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "account" TEXT,
  "refresh_token" TEXT NOT NULL,
  "key_id" TEXT NOT NULL,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "next_attempt_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "spent_tokens_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "spent_tokens_next_attempt_at_idx" ON "spent_tokens" ("next_attempt_at");
