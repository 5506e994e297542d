#!/bin/sh
# Starts the Temporal server of its image. The image takes the password from the environment only, so it is read
# from the secret here and stands in no file of ours.
set -eu

POSTGRES_PWD=$(cat /run/secrets/temporal_database_password)
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
