#!/bin/sh
# Brings Temporal's two databases to the schema of this admin-tools image; run before the server, at every start.
# Where there is nothing to do it does nothing. Host, port, user and plugin come as SQL_*.
set -eu

SQL_PASSWORD=$(cat /run/secrets/temporal_database_password)
export SQL_PASSWORD

# update DATABASE SCHEMA
update() {
    temporal-sql-tool --database "$1" setup-schema --version 0.0
    temporal-sql-tool --database "$1" update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

update temporal temporal
update temporal_visibility visibility
