-- What should be in a calendar is looked up whenever the calendar is listed whole.
CREATE INDEX "mirrors_place_calendar_id_booking_id_idx" ON "mirrors" ("place_calendar_id", "booking_id");
