-- What an owner may choose about the establishment's calendars. The defaults are what was always done.
CREATE TYPE "calendar_drift" AS ENUM ('restore', 'ask');
CREATE TYPE "when_google_unreachable" AS ENUM ('open', 'closed');

ALTER TABLE "establishments"
  ADD COLUMN "calendar_drift" "calendar_drift" NOT NULL DEFAULT 'restore',
  ADD COLUMN "when_google_unreachable" "when_google_unreachable" NOT NULL DEFAULT 'open',
  ADD COLUMN "guest_invitations" BOOLEAN NOT NULL DEFAULT false;
