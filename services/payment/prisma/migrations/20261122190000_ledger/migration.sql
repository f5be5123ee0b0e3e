-- What was charged, refunded and disputed, as Stripe tells it: written once, never changed.
CREATE TABLE "ledger_entries" (
  "id" UUID NOT NULL,
  -- One movement of money at Stripe: `ch_…`, `re_…`, `re_…:failed`, `txn_…` (of a dispute).
  "entry_key" TEXT NOT NULL,
  "kind" TEXT NOT NULL CHECK ("kind" IN ('charge', 'refund', 'refund_failed', 'dispute', 'dispute_reversed')),
  "amount" INTEGER NOT NULL,
  "currency" TEXT NOT NULL,
  "payment_id" UUID NOT NULL,
  "booking_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "booking_reference" TEXT NOT NULL,
  "stripe_id" TEXT NOT NULL,
  "charge_id" TEXT NOT NULL,
  "occurred_at" TIMESTAMPTZ(3) NOT NULL,
  "recorded_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "ledger_entries_pkey" PRIMARY KEY ("id"),
  -- Money comes in with a charge, with a refund that failed and with a dispute that was won; otherwise it goes.
  CONSTRAINT "ledger_entries_sign_check" CHECK (
    CASE WHEN "kind" IN ('refund', 'dispute') THEN "amount" <= 0 ELSE "amount" >= 0 END),
  CONSTRAINT "ledger_entries_payment_id_fkey" FOREIGN KEY ("payment_id") REFERENCES "payments" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "ledger_entries_entry_key_key" ON "ledger_entries" ("entry_key");
CREATE INDEX "ledger_entries_establishment_id_occurred_at_id_idx" ON "ledger_entries" ("establishment_id", "occurred_at", "id");
CREATE INDEX "ledger_entries_payment_id_idx" ON "ledger_entries" ("payment_id");

CREATE FUNCTION refuse_change_of_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER "ledger_entries_append_only" BEFORE UPDATE OR DELETE ON "ledger_entries"
  FOR EACH ROW EXECUTE FUNCTION refuse_change_of_ledger();
CREATE TRIGGER "ledger_entries_not_truncated" BEFORE TRUNCATE ON "ledger_entries"
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger();

-- Payments contested by the cardholder's bank.
CREATE TABLE "disputes" (
  "id" TEXT NOT NULL,
  "payment_id" UUID NOT NULL,
  "booking_id" UUID NOT NULL,
  "establishment_id" UUID NOT NULL,
  "amount" INTEGER NOT NULL,
  "currency" TEXT NOT NULL,
  "reason" TEXT NOT NULL,
  "status" TEXT NOT NULL,
  "due_by" TIMESTAMPTZ(3),
  "opened_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "disputes_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "disputes_payment_id_fkey" FOREIGN KEY ("payment_id") REFERENCES "payments" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX "disputes_establishment_id_opened_at_id_idx" ON "disputes" ("establishment_id", "opened_at", "id");
CREATE INDEX "disputes_payment_id_idx" ON "disputes" ("payment_id");

-- What a payment pays of its booking.
ALTER TABLE "payments" ADD COLUMN "purpose" TEXT NOT NULL DEFAULT 'full' CHECK ("purpose" IN ('full', 'deposit', 'balance'));

-- What disputes took and did not give back.
ALTER TABLE "payments" ADD COLUMN "amount_disputed" INTEGER NOT NULL DEFAULT 0;

-- What is known already. The ids of disputes are not: their payments are looked up again.
INSERT INTO "ledger_entries" ("id", "entry_key", "kind", "amount", "currency", "payment_id", "booking_id", "establishment_id",
                              "booking_reference", "stripe_id", "charge_id", "occurred_at", "recorded_at")
SELECT gen_random_uuid(), p."charge_id", 'charge', p."amount_paid", p."currency", p."id", p."booking_id", p."establishment_id",
       b."reference", p."charge_id", p."charge_id", coalesce(p."paid_at", p."updated_at"), now()
  FROM "payments" p JOIN "bookings" b ON b."id" = p."booking_id"
 WHERE p."amount_paid" > 0 AND p."charge_id" IS NOT NULL;
INSERT INTO "ledger_entries" ("id", "entry_key", "kind", "amount", "currency", "payment_id", "booking_id", "establishment_id",
                              "booking_reference", "stripe_id", "charge_id", "occurred_at", "recorded_at")
SELECT gen_random_uuid(), r."stripe_refund_id" || e."suffix", e."kind", e."sign" * r."amount", p."currency", p."id",
       p."booking_id", p."establishment_id", b."reference", r."stripe_refund_id", p."charge_id",
       CASE WHEN e."sign" < 0 THEN r."created_at" ELSE r."updated_at" END, now()
  FROM "refunds" r
  JOIN "payments" p ON p."id" = r."payment_id"
  JOIN "bookings" b ON b."id" = p."booking_id"
  JOIN (VALUES ('', 'refund', -1), (':failed', 'refund_failed', 1)) AS e ("suffix", "kind", "sign")
    ON e."sign" < 0 OR r."status" = 'failed'
 WHERE r."stripe_refund_id" IS NOT NULL AND p."charge_id" IS NOT NULL;
UPDATE "payments" SET "next_check_at" = now()
 WHERE "dispute_status" IS NOT NULL AND "checkout_session_id" IS NOT NULL AND "next_check_at" IS NULL;
