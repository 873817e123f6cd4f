-- The database's roles, extensions and owner. Run as a superuser in the clinic's database; repeatable.
-- Used by the private server (dermaclinic/embedded.py), by docker-compose.yml and by
-- `python -m dermaclinic.embedded roles`. Passwords are set elsewhere; tables and grants are migrations.

SET client_min_messages = warning;

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'dermaclinic_owner',   -- migrates, owns every table
        'dermaclinic_web',     -- serves pages and the API, under row-level security
        'dermaclinic_worker',  -- infers, renders, sweeps, under policies of its own
        'dermaclinic_sealer',  -- seals and verifies the audit trail
        'dermaclinic_backup'   -- reads everything of every clinic, for backups, and writes nothing
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', wanted);
        END IF;
    END LOOP;
END
$$;

-- CREATEDB: the test suite makes its own database.
ALTER ROLE dermaclinic_owner LOGIN CREATEDB NOSUPERUSER NOCREATEROLE NOBYPASSRLS;
ALTER ROLE dermaclinic_web LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
ALTER ROLE dermaclinic_worker LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
ALTER ROLE dermaclinic_sealer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
ALTER ROLE dermaclinic_backup LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS;
ALTER ROLE dermaclinic_backup SET default_transaction_read_only = on;
GRANT pg_read_all_data TO dermaclinic_backup;

-- The owner may act as any of them (SET ROLE), as tests and the demo's seed do; it inherits nothing.
GRANT dermaclinic_web, dermaclinic_worker, dermaclinic_sealer TO dermaclinic_owner
    WITH INHERIT FALSE, SET TRUE;

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- template1 gets the extensions, for databases made from it, but keeps its owner.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datistemplate) THEN
        EXECUTE format('ALTER DATABASE %I OWNER TO dermaclinic_owner', current_database());
    END IF;
END
$$;

-- Behind row-level security an index serves an operator only if its function leaks nothing: the
-- search by name uses `LIKE`, which reveals neither argument in its errors.
ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;
