-- The anti-entropy sweep compares the copy chalet by chalet, from a date on.
CREATE INDEX "bookings_chalet_id_end_date_idx" ON "bookings" ("chalet_id", "end_date");
