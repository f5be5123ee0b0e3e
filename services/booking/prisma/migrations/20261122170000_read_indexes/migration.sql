-- One index over all of a chalet's stays serves overlap search, schedule and digests. The partial one it replaces was
-- of no use to Prisma: it compares enums as CAST($1::text AS booking_status), which the planner cannot match with a
-- partial index's predicate.
CREATE INDEX "bookings_chalet_id_end_date_start_date_idx" ON "bookings" ("chalet_id", "end_date", "start_date");
DROP INDEX "bookings_active_nights_idx";
DROP INDEX "bookings_chalet_id_id_idx";

-- Counted at every scrape of the metrics, and almost empty.
CREATE INDEX "bookings_conflicts_idx" ON "bookings" ("chalet_id") WHERE "conflict";

-- A booking is written four or five times in its first hour: room beside it keeps those writes out of the indexes
-- where they can be, and vacuum does not wait for a fifth of the table.
ALTER TABLE "bookings" SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
