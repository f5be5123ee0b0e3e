-- Bounded lists that are read and written whole, with the row they belong to. The defaults change no price.
ALTER TABLE "establishments"
  ADD COLUMN "taxes" JSONB NOT NULL DEFAULT '[]',
  ADD COLUMN "deposit" JSONB,
  -- An owner's own tiers, in place of those of "cancellation_policy".
  ADD COLUMN "cancellation_tiers" JSONB;

ALTER TABLE "chalets"
  ADD COLUMN "weekend_rate" INTEGER,
  ADD COLUMN "seasons" JSONB NOT NULL DEFAULT '[]',
  ADD COLUMN "included_guests" INTEGER,
  ADD COLUMN "extra_guest_fee" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "length_discounts" JSONB NOT NULL DEFAULT '[]';
