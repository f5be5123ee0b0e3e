CREATE TABLE "chalets" (
  "id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "capacity" INTEGER NOT NULL,
  "min_nights" INTEGER NOT NULL,
  "max_nights" INTEGER NOT NULL,
  "archived" BOOLEAN NOT NULL,
  "version" INTEGER NOT NULL,
  "snapshot" JSONB NOT NULL,
  CONSTRAINT "chalets_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "chalets_establishment_id_id_idx" ON "chalets" ("establishment_id", "id");

CREATE TABLE "stays" (
  "booking_id" UUID NOT NULL,
  "chalet_id" UUID NOT NULL,
  "start_date" DATE NOT NULL,
  "end_date" DATE NOT NULL,
  "source" TEXT NOT NULL,
  "status" TEXT NOT NULL,
  "hold_expires_at" TIMESTAMPTZ(3),
  "google_event_id" TEXT,
  "version" INTEGER NOT NULL,
  CONSTRAINT "stays_pkey" PRIMARY KEY ("booking_id")
);
CREATE INDEX "stays_chalet_id_end_date_idx" ON "stays" ("chalet_id", "end_date");

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
