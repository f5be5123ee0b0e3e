CREATE TABLE "establishments" (
  "id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "timezone" TEXT NOT NULL,
  "locale" TEXT NOT NULL,
  "version" INTEGER NOT NULL,
  CONSTRAINT "establishments_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "chalets" (
  "id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "timezone" TEXT NOT NULL,
  "locale" TEXT NOT NULL,
  "archived" BOOLEAN NOT NULL,
  "version" INTEGER NOT NULL,
  "calendar_generation" INTEGER NOT NULL DEFAULT 0,
  CONSTRAINT "chalets_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "chalets_establishment_id_idx" ON "chalets" ("establishment_id");

CREATE TABLE "connections" (
  "establishment_id" UUID NOT NULL,
  "status" TEXT NOT NULL,
  "account" TEXT,
  "refresh_token" TEXT NOT NULL,
  "key_id" TEXT NOT NULL,
  "scopes" TEXT[],
  "reason" TEXT,
  "since" TIMESTAMPTZ(3) NOT NULL,
  "connected_at" TIMESTAMPTZ(3) NOT NULL,
  "limiter_at" TIMESTAMPTZ(3),
  "paused_until" TIMESTAMPTZ(3),
  CONSTRAINT "connections_pkey" PRIMARY KEY ("establishment_id"),
  CONSTRAINT "connections_status_check" CHECK ("status" IN ('active', 'revoked'))
);

CREATE TABLE "oauth_states" (
  "state_hash" TEXT NOT NULL,
  "establishment_id" UUID NOT NULL,
  "code_verifier" TEXT NOT NULL,
  "key_id" TEXT NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "used_at" TIMESTAMPTZ(3),
  CONSTRAINT "oauth_states_pkey" PRIMARY KEY ("state_hash")
);
CREATE INDEX "oauth_states_expires_at_idx" ON "oauth_states" ("expires_at");

CREATE TABLE "calendars" (
  "chalet_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "calendar_id" TEXT NOT NULL,
  "generation" INTEGER NOT NULL,
  "sync_token" TEXT,
  "last_sync_at" TIMESTAMPTZ(3),
  "last_full_sync_at" TIMESTAMPTZ(3),
  "last_push_at" TIMESTAMPTZ(3),
  "next_sync_at" TIMESTAMPTZ(3) NOT NULL,
  "lease_owner" UUID,
  "lease_until" TIMESTAMPTZ(3),
  "failures" INTEGER NOT NULL DEFAULT 0,
  "status" TEXT NOT NULL,
  "reason" TEXT,
  "since" TIMESTAMPTZ(3),
  "echoes" INTEGER NOT NULL DEFAULT 0,
  "echoes_until" TIMESTAMPTZ(3),
  "watch_at" TIMESTAMPTZ(3),
  "watch_failures" INTEGER NOT NULL DEFAULT 0,
  CONSTRAINT "calendars_pkey" PRIMARY KEY ("chalet_id"),
  CONSTRAINT "calendars_status_check" CHECK ("status" IN ('ok', 'syncing', 'failing', 'blocked'))
);
CREATE UNIQUE INDEX "calendars_establishment_id_calendar_id_key" ON "calendars" ("establishment_id", "calendar_id");
CREATE INDEX "calendars_next_sync_at_idx" ON "calendars" ("next_sync_at");

CREATE TABLE "channels" (
  "id" TEXT NOT NULL,
  "chalet_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "generation" INTEGER NOT NULL,
  "token_hash" TEXT NOT NULL,
  "resource_id" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3),
  "stopped_at" TIMESTAMPTZ(3),
  CONSTRAINT "channels_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "channels_chalet_id_idx" ON "channels" ("chalet_id");

CREATE TABLE "external_events" (
  "chalet_id" UUID NOT NULL,
  "google_event_id" TEXT NOT NULL,
  "calendar_id" TEXT NOT NULL,
  "start_date" DATE NOT NULL,
  "end_date" DATE NOT NULL,
  "title" TEXT,
  "etag" TEXT NOT NULL,
  "status" TEXT NOT NULL,
  "revision" INTEGER NOT NULL,
  CONSTRAINT "external_events_pkey" PRIMARY KEY ("chalet_id", "google_event_id"),
  CONSTRAINT "external_events_status_check" CHECK ("status" IN ('active', 'removed')),
  CONSTRAINT "external_events_nights_check" CHECK ("start_date" < "end_date")
);
CREATE INDEX "external_events_busy_idx" ON "external_events" ("chalet_id", "end_date");

CREATE TABLE "mirrors" (
  "booking_id" UUID NOT NULL,
  "chalet_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "version" INTEGER NOT NULL,
  "active" BOOLEAN NOT NULL,
  "desired" JSONB NOT NULL,
  "start_date" DATE NOT NULL,
  "end_date" DATE NOT NULL,
  "state" TEXT NOT NULL,
  "place_calendar_id" TEXT,
  "place_event_id" TEXT,
  "id_sequence" INTEGER NOT NULL DEFAULT 0,
  "etag" TEXT,
  "google_updated_at" TIMESTAMPTZ(3),
  "written_hash" TEXT,
  "written" JSONB,
  "drift" TEXT,
  "linked_event_id" TEXT,
  "linked_calendar_id" TEXT,
  "revision" INTEGER NOT NULL DEFAULT 0,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "next_attempt_at" TIMESTAMPTZ(3),
  "wakes" INTEGER NOT NULL DEFAULT 0,
  "last_error" TEXT,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "mirrors_pkey" PRIMARY KEY ("booking_id"),
  CONSTRAINT "mirrors_state_check" CHECK ("state" IN ('wanted', 'synced', 'removed', 'blocked', 'failed')),
  CONSTRAINT "mirrors_place_check" CHECK (("place_calendar_id" IS NULL) = ("place_event_id" IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200, fillfactor = 80);
CREATE INDEX "mirrors_next_attempt_at_idx" ON "mirrors" ("next_attempt_at");
CREATE INDEX "mirrors_chalet_id_end_date_idx" ON "mirrors" ("chalet_id", "end_date");
CREATE INDEX "mirrors_establishment_id_idx" ON "mirrors" ("establishment_id");
CREATE INDEX "mirrors_place_event_id_idx" ON "mirrors" ("place_event_id");

CREATE TABLE "lanes" (
  "chalet_id" UUID NOT NULL,
  "lease_owner" UUID,
  "lease_until" TIMESTAMPTZ(3),
  "failures" INTEGER NOT NULL DEFAULT 0,
  CONSTRAINT "lanes_pkey" PRIMARY KEY ("chalet_id")
);

CREATE TABLE "outbox" (
  "id" UUID NOT NULL,
  "subject" TEXT NOT NULL,
  "body" JSONB NOT NULL,
  "headers" JSONB NOT NULL DEFAULT '{}',
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "published_at" TIMESTAMPTZ(3),
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "last_error" TEXT,
  CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX "outbox_unpublished_idx" ON "outbox" ("created_at", "id") WHERE "published_at" IS NULL;
CREATE INDEX "outbox_published_at_idx" ON "outbox" ("published_at") WHERE "published_at" IS NOT NULL;

CREATE TABLE "dead_letters" (
  "id" UUID NOT NULL,
  "stream" TEXT NOT NULL,
  "consumer" TEXT NOT NULL,
  "subject" TEXT NOT NULL,
  "message_id" TEXT,
  "body" TEXT NOT NULL,
  "headers" JSONB NOT NULL DEFAULT '{}',
  "error" TEXT NOT NULL,
  "deliveries" INTEGER NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "replayed_at" TIMESTAMPTZ(3),
  CONSTRAINT "dead_letters_pkey" PRIMARY KEY ("id")
);
