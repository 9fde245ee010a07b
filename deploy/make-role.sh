#!/bin/sh
# Create the role and the database of ImageVault. The PostgreSQL image runs this script once, as the superuser, while its
# volume is empty. The role owns its database and has no other right.
set -eu
: "${IMAGEVAULT_PASSWORD:?is not set in postgres.env}"
psql --set=ON_ERROR_STOP=1 --set=password="$IMAGEVAULT_PASSWORD" \
  --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
CREATE ROLE imagevault LOGIN PASSWORD :'password';
CREATE DATABASE imagevault OWNER imagevault;
REVOKE ALL ON DATABASE imagevault FROM PUBLIC;
SQL
