-- Counted at every scrape of the metrics: what did not succeed is little, what did grows for ever.
CREATE INDEX "refunds_unfinished" ON "refunds" ("status") WHERE "status" <> 'succeeded';
