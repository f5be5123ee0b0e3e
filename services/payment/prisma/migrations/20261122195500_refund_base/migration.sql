-- What the refund percentage is of; null where the booking service did not say, as its older versions do not.
ALTER TABLE "bookings" ADD COLUMN "refund_base" INTEGER;
