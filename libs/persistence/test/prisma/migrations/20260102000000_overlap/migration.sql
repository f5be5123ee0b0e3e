CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER TABLE "stays" ADD CONSTRAINT "stays_overlap"
    EXCLUDE USING gist ("chalet_id" WITH =, daterange("start_date", "end_date") WITH &&);

CREATE INDEX "stays_recent" ON "stays"("created_at") WHERE "end_date" > '2026-01-01';

CREATE FUNCTION nights(stay "stays") RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    -- a semicolon; inside a body; must not cut the script
    RETURN stay."end_date" - stay."start_date";
END;
$$;
