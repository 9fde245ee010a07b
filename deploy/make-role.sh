#!/bin/sh
# Makes the role and the database of ImageVault. The image of PostgreSQL runs it once, as the superuser, when its volume
# is empty. The role owns its database and can do nothing else.
set -eu
: "${IMAGEVAULT_PASSWORD:?is not set in postgres.env}"
psql --set=ON_ERROR_STOP=1 --set=password="$IMAGEVAULT_PASSWORD" \
  --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
CREATE ROLE imagevault LOGIN PASSWORD :'password';
CREATE DATABASE imagevault OWNER imagevault;
REVOKE ALL ON DATABASE imagevault FROM PUBLIC;
SQL
