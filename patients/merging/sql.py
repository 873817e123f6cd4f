"""How the database guards merges: what is tied and what is written once lets them through.

Rows of patient data are written once (triggers) and tied to their patient (composite foreign
keys). Both hold for everybody; only the functions of `sql_moving.py`, which run with their owner's
rights, move rows between two records of one clinic. A closed record takes nothing new.
"""
# ruff: noqa: S608 - steps of migrations: no value of a person is in them

from django.db.migrations import RunSQL

from dermaclinic.accounts.tenancy import SAFE_PATH

# Who somebody is stays with the record in which it was entered.
STAYS = ("patients_patientchange", "patients_patientcontact")
CLOSED = "closed_record_takes_nothing"  # what the database calls its refusal
_STAYS = ", ".join(f"'{table}'" for table in STAYS)

# Is this statement one of the functions below? The setting alone is anybody's to set; the owner's
# rights alone are the operator's, whom it keeps from doing such a thing by accident.
GUARDS = f"""
    CREATE FUNCTION patients_merging() RETURNS boolean LANGUAGE sql STABLE {SAFE_PATH} AS $$
        SELECT coalesce(current_setting('app.merging', true), '') = 'on'
            AND current_user = (SELECT pg_get_userbyid(proowner) FROM pg_proc
                                WHERE oid = 'patients_merging()'::regprocedure)
    $$;
    CREATE FUNCTION patients_only_moves(before jsonb, after jsonb) RETURNS boolean
        LANGUAGE sql STABLE {SAFE_PATH} AS $$
        SELECT patients_merging() AND before - 'patient_id' = after - 'patient_id'
    $$;
"""

# The record itself: only a merge closes or opens it, and a closed one does not change.
RECORD = f"""
    CREATE FUNCTION patients_patient_merged() RETURNS trigger LANGUAGE plpgsql {SAFE_PATH} AS $$
    BEGIN
        IF patients_merging() THEN RETURN NEW; END IF;
        IF TG_OP = 'INSERT' THEN
            IF NEW.merged_into_id IS NULL THEN RETURN NEW; END IF;
        ELSIF OLD.merged_into_id IS NOT NULL THEN
            RAISE EXCEPTION 'a record that was merged into another one is closed'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = '{CLOSED}';
        ELSIF NEW.merged_into_id IS NULL THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'a record is closed by a merge alone'
            USING ERRCODE = 'insufficient_privilege';
    END $$;
    CREATE TRIGGER patients_patient_merged BEFORE INSERT OR UPDATE ON patients_patient
        FOR EACH ROW EXECUTE FUNCTION patients_patient_merged();
    CREATE FUNCTION patients_closed_contact() RETURNS trigger LANGUAGE plpgsql {SAFE_PATH} AS $$
    DECLARE sealed_columns text[] := ARRAY['phone', 'email', 'address', 'identifier'];
    BEGIN
        -- The keys of a closed record are rotated like all others; its data stay.
        IF to_jsonb(OLD) - sealed_columns = to_jsonb(NEW) - sealed_columns
            AND sealed_data(OLD.phone) IS NOT DISTINCT FROM sealed_data(NEW.phone)
            AND sealed_data(OLD.email) IS NOT DISTINCT FROM sealed_data(NEW.email)
            AND sealed_data(OLD.address) IS NOT DISTINCT FROM sealed_data(NEW.address)
            AND sealed_data(OLD.identifier) IS NOT DISTINCT FROM sealed_data(NEW.identifier)
            OR NOT EXISTS (SELECT FROM patients_patient
                           WHERE id = OLD.patient_id AND merged_into_id IS NOT NULL) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'a record that was merged into another one is closed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = '{CLOSED}';
    END $$;
    CREATE TRIGGER patients_closed_contact BEFORE UPDATE ON patients_patientcontact
        FOR EACH ROW EXECUTE FUNCTION patients_closed_contact();
"""

# With its owner's rights, since who inserts may have none to lock a patient. The lock is the one
# that the foreign key takes a moment later: who waited for a merge here sees its end.
OPEN = f"""
    CREATE FUNCTION patients_of_open_record() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER {SAFE_PATH} AS $$
    DECLARE elsewhere uuid;
    BEGIN
        SELECT merged_into_id INTO elsewhere FROM patients_patient
            WHERE id = NEW.patient_id FOR KEY SHARE;
        IF elsewhere IS NOT NULL THEN
            RAISE EXCEPTION 'a record that was merged into another one is closed'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = '{CLOSED}';
        END IF;
        RETURN NEW;
    END $$;
    REVOKE ALL ON FUNCTION patients_of_open_record() FROM PUBLIC;
"""

# Over all tables that there are when the step runs; a later one says `merges(table)` for itself.
_EVERY = """
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    AND c.oid IN (SELECT conrelid FROM pg_constraint WHERE contype = 'f'
                  AND confrelid = 'patients_patient'::regclass)
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'patient_id'
                AND NOT attisdropped)
"""


def merges(table: str = "") -> RunSQL:
    """Migration step: let a table with a `patient_id`, or all that there are, take part in merges.

    Its composite keys wait for the end of a merge, its `append_only` lets a merge through, and a
    closed record gets no new row. A table with `immutable_when` needs `movable_when`, too.
    """
    only = f"AND c.relname = '{table}'" if table else ""
    return RunSQL(
        f"""
        DO $do$
        DECLARE t text; k text;
        BEGIN
            FOR t IN SELECT c.relname {_EVERY} {only} LOOP
                EXECUTE format('CREATE TRIGGER %s_of_open_record BEFORE INSERT OR UPDATE OF '
                    'patient_id ON %I FOR EACH ROW WHEN (NOT patients_merging()) '
                    'EXECUTE FUNCTION patients_of_open_record()', t, t);
                FOR k IN SELECT tie FROM patients_tied() WHERE tbl = t LOOP
                    EXECUTE format('ALTER TABLE %I ALTER CONSTRAINT %I DEFERRABLE', t, k);
                END LOOP;
                IF t NOT IN ({_STAYS}) AND EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = t::regclass AND tgname = t || '_append_only') THEN
                    EXECUTE format('DROP TRIGGER %s_append_only ON %I', t, t);
                    EXECUTE format('CREATE TRIGGER %s_append_only BEFORE DELETE ON %I '
                        'FOR EACH ROW EXECUTE FUNCTION %s_append_only()', t, t, t);
                    EXECUTE format('CREATE TRIGGER %s_unchanged BEFORE UPDATE ON %I FOR EACH ROW '
                        'WHEN (NOT patients_only_moves(to_jsonb(OLD.*), to_jsonb(NEW.*))) '
                        'EXECUTE FUNCTION %s_append_only()', t, t, t);
                END IF;
            END LOOP;
        END $do$;
        """,
        f"""
        DO $do$
        DECLARE t text; k text;
        BEGIN
            FOR t IN SELECT c.relname {_EVERY} {only} LOOP
                EXECUTE format('DROP TRIGGER %s_of_open_record ON %I', t, t);
                FOR k IN SELECT tie FROM patients_tied() WHERE tbl = t LOOP
                    EXECUTE format('ALTER TABLE %I ALTER CONSTRAINT %I NOT DEFERRABLE', t, k);
                END LOOP;
                IF EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = t::regclass AND tgname = t || '_unchanged') THEN
                    EXECUTE format('DROP TRIGGER %s_unchanged ON %I', t, t);
                    EXECUTE format('DROP TRIGGER %s_append_only ON %I', t, t);
                    EXECUTE format('CREATE TRIGGER %s_append_only BEFORE UPDATE OR DELETE ON %I '
                        'FOR EACH ROW EXECUTE FUNCTION %s_append_only()', t, t, t);
                END IF;
            END LOOP;
        END $do$;
        """,
    )


def movable_when(table: str, condition: str) -> RunSQL:
    """Migration step: `immutable_when(table, condition)` lets a merge move the row, only that."""
    trigger = f"{table}_immutable"
    rows = f"FOR EACH ROW WHEN ({condition})"
    return RunSQL(
        f"""
        DROP TRIGGER {trigger} ON {table};
        CREATE TRIGGER {trigger} BEFORE DELETE ON {table} {rows} EXECUTE FUNCTION {trigger}();
        CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table} FOR EACH ROW
            WHEN (({condition}) AND NOT patients_only_moves(to_jsonb(OLD.*), to_jsonb(NEW.*)))
            EXECUTE FUNCTION {trigger}();
        """,
        f"""
        DROP TRIGGER {table}_unchanged ON {table};
        DROP TRIGGER {trigger} ON {table};
        CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE ON {table} {rows}
            EXECUTE FUNCTION {trigger}();
        """,
    )
