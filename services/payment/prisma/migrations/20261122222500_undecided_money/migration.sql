-- Payments that wait for the booking service's decision are looked at again and again since a version that was newer
-- than some of them: those are found by what was told of their booking's money. Bookings whose money was never summed up
-- (money_version 0) are summed up here, where they wait.
UPDATE "bookings" SET "told_paid" = p.paid, "told_refunded" = p.refunded
  FROM (SELECT "booking_id", sum("amount_paid")::int AS paid, sum("amount_refunded")::int AS refunded
          FROM "payments" GROUP BY "booking_id" HAVING sum("amount_paid") > 0) p
 WHERE p."booking_id" = "bookings"."id" AND "bookings"."told_paid" IS NULL
   AND ("status" = 'pending' OR ("status" = 'cancelled' AND "refund_percentage" IS NULL));

-- Holds next to nothing: whoever paid is decided about in a moment.
CREATE INDEX "bookings_undecided_money" ON "bookings" ("id")
 WHERE "told_paid" > "told_refunded"
   AND ("status" = 'pending' OR ("status" = 'cancelled' AND "refund_percentage" IS NULL));
