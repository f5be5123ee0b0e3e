-- Whether booking says that the balance is overdue: until it does, it is told each day.
ALTER TABLE "bookings" ADD COLUMN "heard_overdue" BOOLEAN NOT NULL DEFAULT false;
