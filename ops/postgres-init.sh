#!/bin/sh
# Runs once, when the container's database is made: roles, extensions, and the roles' passwords.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --file "${ROLES_SQL:-/ops/roles.sql}"
for role in owner web worker sealer backup; do
    case "$role" in
        owner) password=$DATABASE_PASSWORD_OWNER ;;
        web) password=$DATABASE_PASSWORD_WEB ;;
        worker) password=$DATABASE_PASSWORD_WORKER ;;
        sealer) password=$DATABASE_PASSWORD_SEALER ;;
        backup) password=$DATABASE_PASSWORD_BACKUP ;;
    esac
    # From standard input: a password on the command line could be read in the process list.
    ROLE_PASSWORD=$password psql -v ON_ERROR_STOP=1 --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
\\getenv password ROLE_PASSWORD
ALTER ROLE dermaclinic_$role PASSWORD :'password';
SQL
done
