#!/bin/sh
# First start of the server: one database and one login per service. A login owns its database and can open no other.
set -eu

create() { # create NAME PASSWORD
  psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres \
    -v name="$1" -v password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

create booking "$BOOKING_DB_PASSWORD"
create availability "$AVAILABILITY_DB_PASSWORD"
create calendar_sync "$CALENDAR_SYNC_DB_PASSWORD"
create payment "$PAYMENT_DB_PASSWORD"

psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres <<'SQL'
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
SQL
