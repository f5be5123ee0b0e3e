-- What remains to be paid of a booking after its deposit, what follows when it is not, and what was told of it.
ALTER TABLE "bookings"
  ADD COLUMN "cancelled_at" TIMESTAMPTZ(3),
  ADD COLUMN "balance_amount" INTEGER CHECK ("balance_amount" > 0),
  ADD COLUMN "balance_due_on" DATE,
  ADD COLUMN "balance_terms" JSONB,
  ADD COLUMN "balance_told" TEXT NOT NULL DEFAULT 'none' CHECK ("balance_told" IN ('none', 'upcoming', 'due', 'overdue')),
  ADD COLUMN "balance_notice_at" TIMESTAMPTZ(3),
  -- Grows with every announcement about the booking's money.
  ADD COLUMN "money_version" INTEGER NOT NULL DEFAULT 0;
CREATE INDEX "bookings_balance_notice" ON "bookings" ("balance_notice_at") WHERE "balance_notice_at" IS NOT NULL;

-- What an owner asked to have given back; the refunds made for it name it.
CREATE TABLE "refund_requests" (
  "id" UUID NOT NULL,
  "booking_id" UUID NOT NULL,
  "amount" INTEGER NOT NULL CHECK ("amount" > 0),
  "currency" TEXT NOT NULL,
  "reason" TEXT,
  "requested_by" TEXT NOT NULL,
  "idempotency_key" TEXT,
  "fingerprint" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "refund_requests_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "refund_requests_booking_id_fkey" FOREIGN KEY ("booking_id") REFERENCES "bookings" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "refund_requests_booking_id_idempotency_key_key" ON "refund_requests" ("booking_id", "idempotency_key");

ALTER TABLE "refunds"
  ADD COLUMN "request_id" UUID,
  ADD CONSTRAINT "refunds_request_id_fkey" FOREIGN KEY ("request_id") REFERENCES "refund_requests" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
CREATE INDEX "refunds_request_id_idx" ON "refunds" ("request_id");

-- What a person has dealt with: the same reason does not bring the payment before a person again.
ALTER TABLE "payments" ADD COLUMN "resolved_reason" TEXT;
