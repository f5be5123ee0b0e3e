-- What was paid when a booking was cancelled: what its refund percentage is of. Null in what an older version cancelled.
ALTER TABLE "bookings" ADD COLUMN "refund_base" INTEGER;

CREATE OR REPLACE FUNCTION "save_bookings"("changes" JSONB) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  saved INTEGER;
BEGIN
  INSERT INTO bookings AS b (
    id, reference, chalet_id, establishment_id, start_date, end_date, guests, status, source,
    customer_name, customer_email, customer_phone, notes, locale, currency, price_total, price_lines, policy,
    price_schedule, balance_terms, payments, money_version, balance_overdue, refund_base,
    hold_expires_at, checkout_open_until, google_event_id, mirror_revision,
    payment_id, payment_version, payment_status, amount_paid, amount_refunded,
    conflict, version, created_at, updated_at, confirmed_at, cancelled_at, cancel_reason, refund_percentage, manage_token_hash)
  SELECT
    r.id, r.reference, r.chalet_id, r.establishment_id, r.start_date, r.end_date, r.guests, r.status, r.source,
    r.customer_name, r.customer_email, r.customer_phone, r.notes, r.locale, r.currency, r.price_total, r.price_lines, r.policy,
    r.price_schedule, r.balance_terms, r.payments, r.money_version, r.balance_overdue, r.refund_base,
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
    refund_percentage = excluded.refund_percentage, refund_base = excluded.refund_base,
    payments = coalesce(excluded.payments, b.payments),
    money_version = coalesce(excluded.money_version, b.money_version),
    balance_overdue = coalesce(excluded.balance_overdue, b.balance_overdue)
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
