-- What an owner chose about the establishment's calendars. The defaults are what was always done.
ALTER TABLE "establishments"
  ADD COLUMN "calendar_drift" TEXT NOT NULL DEFAULT 'restore',
  ADD COLUMN "guest_invitations" BOOLEAN NOT NULL DEFAULT false;
