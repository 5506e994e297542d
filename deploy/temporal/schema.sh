#!/bin/sh
# Brings Temporal's two databases to the schema of this admin-tools image; run before the server, at every start.
# Where there is nothing to do it does nothing. Host, port, user and plugin come as SQL_*.
set -eu

SQL_PASSWORD=$(cat /run/secrets/temporal_database_password)
export SQL_PASSWORD

tool() {
    temporal-sql-tool --plugin "$SQL_PLUGIN" --ep "$SQL_HOST" -p "$SQL_PORT" -u "$SQL_USER" "$@"
}

# update DATABASE SCHEMA
update() {
    tool --db "$1" setup-schema -v 0.0
    tool --db "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

update temporal temporal
update temporal_visibility visibility
