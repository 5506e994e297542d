-- Run once by the Postgres image, as superuser, when its volume is empty: one role and its databases for Perdure,
-- one for Temporal. Neither can connect to the other's.
\set ON_ERROR_STOP on
\set perdure_password `cat "${SECRETS_DIR:-/run/secrets}/perdure_database_password"`
\set temporal_password `cat "${SECRETS_DIR:-/run/secrets}/temporal_database_password"`

SELECT :'perdure_password' = '' OR :'temporal_password' = '' AS missing \gset
\if :missing
    DO $$ BEGIN RAISE EXCEPTION 'the secrets cannot be read: run deploy/make-secrets'; END $$;
\endif

CREATE ROLE perdure LOGIN PASSWORD :'perdure_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';

CREATE DATABASE perdure OWNER perdure;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;

REVOKE CONNECT ON DATABASE perdure, temporal, temporal_visibility FROM PUBLIC;
