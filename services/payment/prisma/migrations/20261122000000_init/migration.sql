CREATE TABLE "bookings" (
  "id" UUID NOT NULL,
  "version" INTEGER NOT NULL,
  "status" TEXT NOT NULL CHECK ("status" IN ('pending', 'confirmed', 'cancelled')),
  "cancel_reason" TEXT,
  "refund_percentage" INTEGER CHECK ("refund_percentage" BETWEEN 0 AND 100),
  "confirmed_at" TIMESTAMPTZ(3),
  "hold_expires_at" TIMESTAMPTZ(3),
  "reference" TEXT NOT NULL,
  "chalet_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "start_date" DATE NOT NULL,
  "end_date" DATE NOT NULL,
  "total" INTEGER NOT NULL CHECK ("total" >= 0),
  "currency" TEXT NOT NULL,
  "locale" TEXT,
  CONSTRAINT "bookings_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "chalets" (
  "id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "version" INTEGER NOT NULL,
  CONSTRAINT "chalets_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "payments" (
  "id" UUID NOT NULL,
  "booking_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "attempt" INTEGER NOT NULL,
  "status" TEXT NOT NULL
    CHECK ("status" IN ('open', 'succeeded', 'partially_refunded', 'refunded', 'failed', 'expired', 'disputed')),
  "session_status" TEXT NOT NULL CHECK ("session_status" IN ('opening', 'open', 'complete', 'expired')),
  "amount" INTEGER NOT NULL CHECK ("amount" > 0),
  "currency" TEXT NOT NULL,
  "checkout_session_id" TEXT,
  "payment_intent_id" TEXT,
  "charge_id" TEXT,
  "session_params" JSONB,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "amount_paid" INTEGER NOT NULL DEFAULT 0 CHECK ("amount_paid" >= 0),
  "amount_refunded" INTEGER NOT NULL DEFAULT 0,
  "paid_at" TIMESTAMPTZ(3),
  "dispute_status" TEXT,
  "reason" TEXT,
  "needs_review" BOOLEAN NOT NULL DEFAULT false,
  "version" INTEGER NOT NULL DEFAULT 1,
  "next_check_at" TIMESTAMPTZ(3),
  "check_attempts" INTEGER NOT NULL DEFAULT 0,
  "last_error" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "payments_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "payments_booking_id_fkey" FOREIGN KEY ("booking_id") REFERENCES "bookings" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
  -- Stripe refuses to give back more than was paid; so do we.
  CONSTRAINT "payments_refunded_check" CHECK ("amount_refunded" BETWEEN 0 AND "amount_paid")
);
CREATE UNIQUE INDEX "payments_booking_id_attempt_key" ON "payments" ("booking_id", "attempt");
-- Two requests for checkout that arrive at once share one attempt, and so one session.
CREATE UNIQUE INDEX "payments_one_open_per_booking" ON "payments" ("booking_id") WHERE "status" = 'open';
CREATE UNIQUE INDEX "payments_checkout_session_id_key" ON "payments" ("checkout_session_id");
CREATE INDEX "payments_payment_intent_id_idx" ON "payments" ("payment_intent_id");
CREATE INDEX "payments_due" ON "payments" ("next_check_at") WHERE "next_check_at" IS NOT NULL;
CREATE INDEX "payments_in_review" ON "payments" ("updated_at") WHERE "needs_review";

CREATE TABLE "refunds" (
  "id" UUID NOT NULL,
  "payment_id" UUID NOT NULL,
  "purpose" TEXT NOT NULL,
  "status" TEXT NOT NULL CHECK ("status" IN ('requested', 'pending', 'succeeded', 'failed')),
  "amount" INTEGER NOT NULL CHECK ("amount" > 0),
  "idempotency_key" TEXT NOT NULL,
  "key_generation" INTEGER NOT NULL DEFAULT 0,
  "stripe_refund_id" TEXT,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "next_attempt_at" TIMESTAMPTZ(3),
  "last_error" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "refunds_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "refunds_payment_id_fkey" FOREIGN KEY ("payment_id") REFERENCES "payments" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
-- One refund per payment and purpose, whatever happens twice: the key is made of both.
CREATE UNIQUE INDEX "refunds_idempotency_key_key" ON "refunds" ("idempotency_key");
CREATE UNIQUE INDEX "refunds_stripe_refund_id_key" ON "refunds" ("stripe_refund_id");
CREATE INDEX "refunds_payment_id_idx" ON "refunds" ("payment_id");
CREATE INDEX "refunds_due" ON "refunds" ("next_attempt_at") WHERE "next_attempt_at" IS NOT NULL;

CREATE TABLE "stripe_events" (
  "id" TEXT NOT NULL,
  "type" TEXT NOT NULL,
  "object_id" TEXT NOT NULL,
  "payment_intent_id" TEXT,
  "payment_id" UUID,
  "livemode" BOOLEAN NOT NULL,
  "api_version" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "received_at" TIMESTAMPTZ(3) NOT NULL,
  "source" TEXT NOT NULL,
  "processed_at" TIMESTAMPTZ(3),
  "outcome" TEXT CHECK ("outcome" IN ('applied', 'ignored', 'needs_review')),
  "reason" TEXT,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "next_attempt_at" TIMESTAMPTZ(3) NOT NULL,
  "last_error" TEXT,
  CONSTRAINT "stripe_events_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "stripe_events_due" ON "stripe_events" ("next_attempt_at") WHERE "processed_at" IS NULL;
CREATE INDEX "stripe_events_in_review" ON "stripe_events" ("received_at") WHERE "outcome" = 'needs_review';

CREATE TABLE "reconciliations" (
  "name" TEXT NOT NULL,
  "read_until" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "reconciliations_pkey" PRIMARY KEY ("name")
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
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX "outbox_unpublished" ON "outbox" ("created_at", "id") WHERE "published_at" IS NULL;
CREATE INDEX "outbox_published" ON "outbox" ("published_at") WHERE "published_at" IS NOT NULL;

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
