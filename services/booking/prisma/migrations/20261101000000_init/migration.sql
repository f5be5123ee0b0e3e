-- uuid beside a range in one GiST index needs btree_gist.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TYPE "booking_status" AS ENUM ('pending', 'confirmed', 'cancelled');
CREATE TYPE "booking_source" AS ENUM ('website', 'google');
CREATE TYPE "cancel_reason" AS ENUM ('guest', 'owner', 'hold_expired', 'external_removed', 'payment_refused', 'conflict_resolved');
CREATE TYPE "payment_status" AS ENUM ('unpaid', 'open', 'succeeded', 'partially_refunded', 'refunded', 'failed', 'expired', 'disputed');
CREATE TYPE "policy_choice" AS ENUM ('flexible', 'moderate', 'strict');

CREATE TABLE "establishments" (
  "id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "timezone" TEXT NOT NULL,
  "currency" TEXT NOT NULL,
  "locale" TEXT NOT NULL,
  "cancellation_policy" "policy_choice" NOT NULL,
  "version" INTEGER NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "establishments_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "api_keys" (
  "id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "key_hash" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "last_used_at" TIMESTAMPTZ(3),
  "revoked_at" TIMESTAMPTZ(3),
  CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "api_keys_establishment_id_fkey" FOREIGN KEY ("establishment_id") REFERENCES "establishments" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "api_keys_key_hash_key" ON "api_keys" ("key_hash");
CREATE INDEX "api_keys_establishment_id_id_idx" ON "api_keys" ("establishment_id", "id");

CREATE TABLE "chalets" (
  "id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "description" TEXT NOT NULL,
  "capacity" INTEGER NOT NULL,
  "nightly_rate" INTEGER NOT NULL,
  "cleaning_fee" INTEGER NOT NULL,
  "min_nights" INTEGER NOT NULL,
  "max_nights" INTEGER NOT NULL,
  "archived_at" TIMESTAMPTZ(3),
  "version" INTEGER NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "chalets_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "chalets_establishment_id_fkey" FOREIGN KEY ("establishment_id") REFERENCES "establishments" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT "chalets_nights_in_order" CHECK ("min_nights" <= "max_nights")
);
CREATE INDEX "chalets_establishment_id_id_idx" ON "chalets" ("establishment_id", "id");

CREATE TABLE "bookings" (
  "id" UUID NOT NULL,
  "reference" TEXT NOT NULL,
  "chalet_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "start_date" DATE NOT NULL,
  "end_date" DATE NOT NULL,
  "guests" INTEGER,
  "status" "booking_status" NOT NULL,
  "source" "booking_source" NOT NULL,
  "customer_name" TEXT NOT NULL,
  "customer_email" TEXT,
  "customer_phone" TEXT,
  "notes" TEXT,
  "locale" TEXT,
  "currency" TEXT,
  "price_total" INTEGER,
  "price_lines" JSONB,
  "policy" JSONB,
  "hold_expires_at" TIMESTAMPTZ(3),
  "checkout_open_until" TIMESTAMPTZ(3),
  "hold_lease_until" TIMESTAMPTZ(3),
  "google_event_id" TEXT,
  "mirror_revision" INTEGER NOT NULL DEFAULT 0,
  "payment_id" UUID,
  "payment_version" INTEGER NOT NULL DEFAULT 0,
  "payment_status" "payment_status" NOT NULL DEFAULT 'unpaid',
  "amount_paid" INTEGER NOT NULL DEFAULT 0,
  "amount_refunded" INTEGER NOT NULL DEFAULT 0,
  "conflict" BOOLEAN NOT NULL DEFAULT false,
  "version" INTEGER NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  "confirmed_at" TIMESTAMPTZ(3),
  "cancelled_at" TIMESTAMPTZ(3),
  "cancel_reason" "cancel_reason",
  "refund_percentage" INTEGER,
  "manage_token_hash" TEXT,
  CONSTRAINT "bookings_pkey" PRIMARY KEY ("id"),
  -- No foreign key to chalets: every writer holds the chalet's row lock, and chalets are archived, never deleted.
  CONSTRAINT "bookings_dates_in_order" CHECK ("start_date" < "end_date"),
  CONSTRAINT "bookings_pending_has_hold" CHECK ("status" <> 'pending' OR ("source" = 'website' AND "hold_expires_at" IS NOT NULL)),
  CONSTRAINT "bookings_cancelled_has_reason" CHECK (("status" = 'cancelled') = ("cancel_reason" IS NOT NULL)),
  -- No night is sold twice, whatever the code above believes.
  CONSTRAINT "bookings_no_overlap" EXCLUDE USING gist ("chalet_id" WITH =, daterange("start_date", "end_date", '[)') WITH &&)
    WHERE ("source" = 'website' AND "status" IN ('pending', 'confirmed'))
);
CREATE UNIQUE INDEX "bookings_reference_key" ON "bookings" ("reference");
CREATE UNIQUE INDEX "bookings_manage_token_hash_key" ON "bookings" ("manage_token_hash");
CREATE INDEX "bookings_establishment_id_start_date_id_idx" ON "bookings" ("establishment_id", "start_date", "id");
CREATE INDEX "bookings_chalet_id_id_idx" ON "bookings" ("chalet_id", "id");
-- Overlap search over every row that takes nights. Most stays lie in the past, so the end date is what narrows it.
CREATE INDEX "bookings_active_nights_idx" ON "bookings" ("chalet_id", "end_date", "start_date") WHERE "status" <> 'cancelled';
CREATE INDEX "bookings_holds_idx" ON "bookings" ("hold_expires_at") WHERE "status" = 'pending';
CREATE UNIQUE INDEX "bookings_external_event_key" ON "bookings" ("chalet_id", "google_event_id")
  WHERE "source" = 'google' AND "status" <> 'cancelled';

CREATE TABLE "booking_history" (
  "id" UUID NOT NULL,
  "booking_id" UUID NOT NULL,
  "version" INTEGER NOT NULL,
  "at" TIMESTAMPTZ(3) NOT NULL,
  "by" TEXT NOT NULL,
  "action" TEXT NOT NULL,
  "reason" TEXT,
  "changes" JSONB NOT NULL,
  CONSTRAINT "booking_history_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "booking_history_booking_id_version_id_idx" ON "booking_history" ("booking_id", "version", "id");

CREATE TABLE "idempotency_keys" (
  "key_hash" TEXT NOT NULL,
  "request_hash" TEXT NOT NULL,
  "answer" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("key_hash")
);
CREATE INDEX "idempotency_keys_expires_at_idx" ON "idempotency_keys" ("expires_at");

CREATE TABLE "external_events" (
  "chalet_id" UUID NOT NULL,
  "google_event_id" TEXT NOT NULL,
  "revision" INTEGER NOT NULL,
  "booking_id" UUID,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "external_events_pkey" PRIMARY KEY ("chalet_id", "google_event_id")
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
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0.05, fillfactor = 80);
CREATE INDEX "outbox_waiting_idx" ON "outbox" ("created_at", "id") WHERE "published_at" IS NULL;
CREATE INDEX "outbox_published_idx" ON "outbox" ("published_at") WHERE "published_at" IS NOT NULL;

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

-- Writes new versions of bookings, each with its audit entry and its event: [{booking, history, event}], every part an
-- object of column names. The caller holds the chalet's lock. A version that is not the next one raises 40001, so
-- that the caller decides again on what is there now. Columns are named one by one: a column that a later migration
-- adds gets its default from replicas of this version.
CREATE FUNCTION "save_bookings"("changes" JSONB) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  saved INTEGER;
BEGIN
  INSERT INTO bookings AS b (
    id, reference, chalet_id, establishment_id, start_date, end_date, guests, status, source,
    customer_name, customer_email, customer_phone, notes, locale, currency, price_total, price_lines, policy,
    hold_expires_at, checkout_open_until, google_event_id, mirror_revision,
    payment_id, payment_version, payment_status, amount_paid, amount_refunded,
    conflict, version, created_at, updated_at, confirmed_at, cancelled_at, cancel_reason, refund_percentage, manage_token_hash)
  SELECT
    r.id, r.reference, r.chalet_id, r.establishment_id, r.start_date, r.end_date, r.guests, r.status, r.source,
    r.customer_name, r.customer_email, r.customer_phone, r.notes, r.locale, r.currency, r.price_total, r.price_lines, r.policy,
    r.hold_expires_at, r.checkout_open_until, r.google_event_id, r.mirror_revision,
    r.payment_id, r.payment_version, r.payment_status, r.amount_paid, r.amount_refunded,
    r.conflict, r.version, r.created_at, r.updated_at, r.confirmed_at, r.cancelled_at, r.cancel_reason, r.refund_percentage, r.manage_token_hash
  FROM jsonb_array_elements(changes) AS c, jsonb_populate_record(NULL::bookings, c -> 'booking') AS r
  ON CONFLICT (id) DO UPDATE SET
    start_date = excluded.start_date, end_date = excluded.end_date, status = excluded.status,
    customer_name = excluded.customer_name, hold_expires_at = excluded.hold_expires_at,
    checkout_open_until = excluded.checkout_open_until, google_event_id = excluded.google_event_id,
    mirror_revision = excluded.mirror_revision, payment_id = excluded.payment_id,
    payment_version = excluded.payment_version, payment_status = excluded.payment_status,
    amount_paid = excluded.amount_paid, amount_refunded = excluded.amount_refunded, conflict = excluded.conflict,
    version = excluded.version, updated_at = excluded.updated_at, confirmed_at = excluded.confirmed_at,
    cancelled_at = excluded.cancelled_at, cancel_reason = excluded.cancel_reason,
    refund_percentage = excluded.refund_percentage
  WHERE b.version = excluded.version - 1;
  GET DIAGNOSTICS saved = ROW_COUNT;
  IF saved <> jsonb_array_length(changes) THEN
    RAISE EXCEPTION 'a booking is no longer at the version that was changed' USING ERRCODE = '40001';
  END IF;

  INSERT INTO booking_history (id, booking_id, version, at, by, action, reason, changes)
  SELECT h.id, h.booking_id, h.version, h.at, h.by, h.action, h.reason, h.changes
  FROM jsonb_array_elements(changes) AS c, jsonb_populate_record(NULL::booking_history, c -> 'history') AS h;

  INSERT INTO outbox (id, subject, body, headers, created_at)
  SELECT e.id, e.subject, e.body, e.headers, e.created_at
  FROM jsonb_array_elements(changes) AS c, jsonb_populate_record(NULL::outbox, c -> 'event') AS e;
END
$$;

-- Places a website booking in one commit: {booking, history, event, chaletVersion, idempotency: {key_hash,
-- request_hash, answer, created_at, expires_at} | null}. The chalet's lock comes first; every statement after it has a
-- fresh snapshot (READ COMMITTED), so nothing that takes nights can be missed. Answers {outcome, …}:
--   placed | replayed {answer} | key_reused | chalet_changed | unavailable {expiredHolds: ids when nothing else is in the way}
CREATE FUNCTION "place_booking"("request" JSONB) RETURNS JSONB LANGUAGE plpgsql AS $$
DECLARE
  wanted bookings := jsonb_populate_record(NULL::bookings, request -> 'booking');
  wanted_key idempotency_keys := jsonb_populate_record(NULL::idempotency_keys, request -> 'idempotency');
  known_key idempotency_keys;
  chalet_version INTEGER;
  blockers UUID[];
  only_expired_holds BOOLEAN;
BEGIN
  SELECT version INTO chalet_version FROM chalets WHERE id = wanted.chalet_id FOR NO KEY UPDATE;

  -- A repeat after the connection was lost during COMMIT.
  IF EXISTS (SELECT FROM bookings WHERE id = wanted.id) THEN
    RETURN jsonb_build_object('outcome', 'placed');
  END IF;

  IF wanted_key.key_hash IS NOT NULL THEN
    SELECT * INTO known_key FROM idempotency_keys WHERE key_hash = wanted_key.key_hash AND expires_at > wanted.created_at;
    IF FOUND THEN
      IF known_key.request_hash <> wanted_key.request_hash THEN
        RETURN jsonb_build_object('outcome', 'key_reused');
      END IF;
      RETURN jsonb_build_object('outcome', 'replayed', 'answer', known_key.answer);
    END IF;
  END IF;

  IF chalet_version IS DISTINCT FROM (request ->> 'chaletVersion')::INTEGER THEN
    RETURN jsonb_build_object('outcome', 'chalet_changed');
  END IF;

  SELECT array_agg(id), bool_and(status = 'pending' AND hold_expires_at <= wanted.created_at)
  INTO blockers, only_expired_holds
  FROM bookings
  WHERE chalet_id = wanted.chalet_id AND status <> 'cancelled'
    AND start_date < wanted.end_date AND end_date > wanted.start_date;
  IF blockers IS NOT NULL THEN
    RETURN jsonb_build_object('outcome', 'unavailable',
      'expiredHolds', CASE WHEN only_expired_holds THEN to_jsonb(blockers) ELSE '[]'::JSONB END);
  END IF;

  IF wanted_key.key_hash IS NOT NULL THEN
    INSERT INTO idempotency_keys AS k (key_hash, request_hash, answer, created_at, expires_at)
    VALUES (wanted_key.key_hash, wanted_key.request_hash, wanted_key.answer, wanted_key.created_at, wanted_key.expires_at)
    ON CONFLICT (key_hash) DO UPDATE SET
      request_hash = excluded.request_hash, answer = excluded.answer,
      created_at = excluded.created_at, expires_at = excluded.expires_at
    WHERE k.expires_at <= excluded.created_at;
    -- The same key came in for another chalet at the same moment: the same body would have waited for the lock above.
    IF NOT FOUND THEN
      RETURN jsonb_build_object('outcome', 'key_reused');
    END IF;
  END IF;

  PERFORM save_bookings(jsonb_build_array(request));
  RETURN jsonb_build_object('outcome', 'placed');
END
$$;
