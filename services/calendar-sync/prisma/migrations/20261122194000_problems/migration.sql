-- What kind of failure a reason tells, so that owners read it in plain words, and since when a mirror fails.
ALTER TABLE "calendars" ADD COLUMN "problem" TEXT;
ALTER TABLE "mirrors" ADD COLUMN "problem" TEXT, ADD COLUMN "problem_since" TIMESTAMPTZ(3);
