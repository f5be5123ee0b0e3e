-- What was last announced of a booking's money, and what the booking said of it since: they differ for long only when an
-- event was lost. Null is not compared: it is unknown until the next event says it.
ALTER TABLE "bookings" ADD COLUMN "told_paid" INTEGER;
ALTER TABLE "bookings" ADD COLUMN "told_refunded" INTEGER;
ALTER TABLE "bookings" ADD COLUMN "heard_paid" INTEGER;
ALTER TABLE "bookings" ADD COLUMN "heard_refunded" INTEGER;
ALTER TABLE "bookings" ADD COLUMN "money_check_at" TIMESTAMPTZ(3);

UPDATE "bookings" SET "told_paid" = p.paid, "told_refunded" = p.refunded, "money_check_at" = now()
  FROM (SELECT "booking_id", sum("amount_paid")::int AS paid, sum("amount_refunded")::int AS refunded
          FROM "payments" GROUP BY "booking_id") p
 WHERE p."booking_id" = "bookings"."id" AND "bookings"."money_version" > 0;

-- Holds next to nothing: looking for what differs costs nothing however many bookings there are.
CREATE INDEX "bookings_money_differs" ON "bookings" ("money_check_at")
 WHERE "told_paid" <> "heard_paid" OR "told_refunded" <> "heard_refunded";
