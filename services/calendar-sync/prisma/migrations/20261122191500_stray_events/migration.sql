-- An event of ours, beside the mirror, that somebody brought back: to be removed.
ALTER TABLE "mirrors" ADD COLUMN "stray_event_id" TEXT;
