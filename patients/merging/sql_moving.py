"""What the database does in a merge: it moves rows that nobody else may change.

The functions change nothing but `patient_id`, a lesion's number and an image's `twin`. They write
the `Merge` and its undoing themselves: there is no moving without its record.

Which tables move is read from the catalogue: every one with a foreign key to the patient but
STAYS. A new table moves, or its own triggers refuse the whole merge; nothing is left behind.
"""
# ruff: noqa: S608 - steps of migrations: no value of a person is in them

from django.db.migrations import RunSQL

from dermaclinic.accounts.tenancy import SAFE_PATH
from patients.merging.sql import GUARDS, OPEN, RECORD, STAYS

ENTANGLED = "merge_is_entangled"  # what the database calls its refusal
_CONTEXT = "NULLIF(current_setting('app.clinic', true), '')::uuid"
_STAYS = ", ".join(f"'{table}'" for table in STAYS)

_TABLES = f"""
    CREATE FUNCTION patients_moving_tables() RETURNS SETOF text
    LANGUAGE sql STABLE {SAFE_PATH} AS $$
        SELECT DISTINCT c.relname::text FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.conrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'patient_id'
        WHERE k.contype = 'f' AND k.confrelid = 'patients_patient'::regclass
          AND a.attnum = ANY (k.conkey) AND c.relname NOT IN ({_STAYS})
        ORDER BY 1
    $$;
    CREATE FUNCTION patients_tied() RETURNS TABLE (tie text, tbl text, col text)
    LANGUAGE sql STABLE {SAFE_PATH} AS $$
        SELECT k.conname::text, c.relname::text, first.attname::text FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.conrelid
        JOIN pg_class target ON target.oid = k.confrelid
        JOIN pg_attribute p ON p.attrelid = c.oid AND p.attname = 'patient_id'
        JOIN pg_attribute first ON first.attrelid = c.oid AND first.attnum = k.conkey[1]
        WHERE k.contype = 'f' AND p.attnum = ANY (k.conkey[2:])
          AND c.relname IN (SELECT patients_moving_tables())
          AND target.relname IN (SELECT patients_moving_tables())
        ORDER BY 1
    $$;
    CREATE FUNCTION patients_rows_of(patient uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE {SAFE_PATH} AS $$
    DECLARE
        t text;
        ids jsonb;
        found jsonb := '{{}}';
    BEGIN
        FOR t IN SELECT patients_moving_tables() LOOP
            EXECUTE format('SELECT jsonb_agg(id ORDER BY id) FROM %I WHERE patient_id = $1', t)
                INTO ids USING patient;
            IF ids IS NOT NULL THEN found := found || jsonb_build_object(t, ids); END IF;
        END LOOP;
        RETURN found;
    END $$;
    CREATE FUNCTION patients_ids(by_table jsonb) RETURNS uuid[]
    LANGUAGE sql IMMUTABLE {SAFE_PATH} AS $$
        SELECT coalesce(array_agg(id::uuid), '{{}}') FROM jsonb_each(by_table) AS tables (t, ids),
            jsonb_array_elements_text(ids) AS id
    $$;
    CREATE FUNCTION patients_set_ties(how text) RETURNS void
    LANGUAGE plpgsql {SAFE_PATH} AS $$
    BEGIN
        EXECUTE format('SET CONSTRAINTS %s %s',
            (SELECT string_agg(quote_ident(tie), ', ') FROM patients_tied()), how);
    END $$;
"""

_MERGE = f"""
    CREATE FUNCTION patients_merge_records(
        merge uuid, survivor uuid, closing uuid, person uuid, why text,
        was jsonb, taken jsonb, becomes jsonb, envelope bytea
    ) RETURNS void LANGUAGE plpgsql SECURITY DEFINER {SAFE_PATH} AS $$
    DECLARE
        clinic uuid := {_CONTEXT};
        open_records integer;
        came jsonb;
        was_here jsonb;
        former_numbers jsonb;
        same_bytes uuid[];
        t text;
    BEGIN
        PERFORM FROM patients_patient WHERE id IN (survivor, closing) AND clinic_id = clinic
            AND merged_into_id IS NULL ORDER BY id FOR UPDATE;
        GET DIAGNOSTICS open_records = ROW_COUNT;
        IF open_records <> 2 THEN
            RAISE EXCEPTION 'a merge is of two open records of the clinic'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        came := patients_rows_of(closing);
        was_here := patients_rows_of(survivor);
        SELECT coalesce(jsonb_object_agg(id, number), '{{}}') INTO former_numbers
            FROM patients_lesion WHERE patient_id = closing;
        PERFORM set_config('app.merging', 'on', true);
        PERFORM patients_set_ties('DEFERRED');
        WITH marked AS (
            UPDATE imaging_instance SET twin = true
            WHERE patient_id = closing AND NOT twin AND sha256 IN
                (SELECT sha256 FROM imaging_instance WHERE patient_id = survivor)
            RETURNING id)
        SELECT coalesce(array_agg(id), '{{}}') INTO same_bytes FROM marked;
        UPDATE patients_lesion SET patient_id = survivor, number = ranked.number
            FROM (SELECT id, row_number() OVER (ORDER BY number) + coalesce(
                      (SELECT max(number) FROM patients_lesion WHERE patient_id = survivor), 0)
                      AS number
                  FROM patients_lesion WHERE patient_id = closing) ranked
            WHERE patients_lesion.id = ranked.id;
        FOR t IN SELECT patients_moving_tables() LOOP
            EXECUTE format('UPDATE %I SET patient_id = $1 WHERE patient_id = $2', t)
                USING survivor, closing;
        END LOOP;
        UPDATE patients_patient SET merged_into_id = survivor WHERE id = closing;
        INSERT INTO patients_merge (id, clinic_id, survivor_id, closed_id, merged_at, merged_by_id,
            reason, identity, chosen, result, sealed, moved, kept, numbers, twins)
        VALUES (merge, clinic, survivor, closing, clock_timestamp(), person, why, was, taken,
            becomes, envelope, came, was_here, former_numbers, same_bytes);
        PERFORM patients_set_ties('IMMEDIATE');
        PERFORM set_config('app.merging', '', true);
    END $$;
    REVOKE ALL ON FUNCTION patients_merge_records FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION patients_merge_records TO dermaclinic_web;
"""

# Rows of one patient that hang together are components of a graph, whose edges are the composite
# foreign keys. What a merge brought goes back with everything new that hangs on it. Where it hangs
# on what was in the record before (`kept`), it cannot: those are the rows `by_kept`, which are
# reached from both sides.
_UNDO = f"""
    CREATE FUNCTION patients_rows_of_merge(merge uuid)
    RETURNS TABLE (tbl text, row_id uuid, kept boolean, by_kept boolean)
    LANGUAGE plpgsql STABLE {SAFE_PATH} AS $$
    DECLARE
        into_patient uuid;
        theirs uuid[];
        ours uuid[];
        nodes text;
        edges text;
    BEGIN
        SELECT m.survivor_id, patients_ids(m.moved), patients_ids(m.kept) || coalesce(
                (SELECT array_agg(each) FROM patients_merge later
                 LEFT JOIN patients_mergeundo u ON u.merge_id = later.id,
                 unnest(patients_ids(later.moved)) AS each
                 WHERE later.survivor_id = m.survivor_id AND later.merged_at > m.merged_at
                   AND u.id IS NULL), '{{}}')
            INTO into_patient, theirs, ours FROM patients_merge m WHERE m.id = merge;
        SELECT string_agg(format('SELECT %L AS tbl, id FROM %I WHERE patient_id = $1', t, t),
                          ' UNION ALL ')
            INTO nodes FROM patients_moving_tables() AS t;
        SELECT string_agg(format(
                'SELECT id AS a, %1$I AS b FROM %2$I WHERE patient_id = $1 AND %1$I IS NOT NULL '
                'UNION ALL SELECT %1$I, id FROM %2$I WHERE patient_id = $1 AND %1$I IS NOT NULL',
                tied.col, tied.tbl), ' UNION ALL ')
            INTO edges FROM patients_tied() tied;
        RETURN QUERY EXECUTE
            'WITH RECURSIVE node AS (' || nodes || '), edge AS (' || edges || '),
             back (id) AS (
                 SELECT id FROM node WHERE id = ANY ($2)
                 UNION SELECT e.b FROM back JOIN edge e ON e.a = back.id
                       WHERE NOT back.id = ANY ($3)),
             held (id) AS (
                 SELECT id FROM node WHERE id = ANY ($3)
                 UNION SELECT e.b FROM held JOIN edge e ON e.a = held.id
                       WHERE NOT held.id = ANY ($2))
             SELECT n.tbl, n.id, n.id = ANY ($3), held.id IS NOT NULL
             FROM node n JOIN back USING (id) LEFT JOIN held USING (id)'
            USING into_patient, theirs, ours;
    END $$;

    CREATE FUNCTION patients_undo_merge(undo uuid, merge uuid, person uuid, why text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER {SAFE_PATH} AS $$
    DECLARE
        clinic uuid := {_CONTEXT};
        undone patients_merge;
        locked integer;
        going jsonb;
        t text;
    BEGIN
        SELECT * INTO undone FROM patients_merge m WHERE m.id = merge AND m.clinic_id = clinic;
        PERFORM FROM patients_patient
            WHERE id IN (undone.survivor_id, undone.closed_id) ORDER BY id FOR UPDATE;
        SELECT count(*) INTO locked FROM patients_patient
            WHERE id = undone.survivor_id AND merged_into_id IS NULL
               OR id = undone.closed_id AND merged_into_id = undone.survivor_id;
        IF locked <> 2
            OR EXISTS (SELECT FROM patients_mergeundo u WHERE u.merge_id = merge) THEN
            RAISE EXCEPTION 'only a merge of the clinic that stands is undone'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF EXISTS (SELECT FROM patients_rows_of_merge(merge) WHERE kept) THEN
            RAISE EXCEPTION 'rows of both records hang together since the merge'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = '{ENTANGLED}';
        END IF;
        SELECT coalesce(jsonb_object_agg(tbl, ids), '{{}}') INTO going FROM (
            SELECT r.tbl, jsonb_agg(r.row_id ORDER BY r.row_id) AS ids
            FROM patients_rows_of_merge(merge) r GROUP BY r.tbl) rows;
        PERFORM set_config('app.merging', 'on', true);
        PERFORM patients_set_ties('DEFERRED');
        UPDATE patients_lesion SET patient_id = undone.closed_id,
                number = (undone.numbers ->> id::text)::integer
            WHERE id = ANY (patients_ids(going)) AND undone.numbers ? id::text;
        UPDATE patients_lesion SET patient_id = undone.closed_id, number = ranked.number
            FROM (SELECT id, row_number() OVER (ORDER BY number) + coalesce(
                      (SELECT max(number) FROM patients_lesion
                       WHERE patient_id = undone.closed_id), 0) AS number
                  FROM patients_lesion WHERE patient_id = undone.survivor_id
                  AND id = ANY (patients_ids(going))) ranked
            WHERE patients_lesion.id = ranked.id;
        FOR t IN SELECT patients_moving_tables() LOOP
            EXECUTE format('UPDATE %I SET patient_id = $1 WHERE id = ANY ($2) AND patient_id = $3',
                           t)
                USING undone.closed_id, patients_ids(going), undone.survivor_id;
        END LOOP;
        UPDATE imaging_instance SET twin = false
            WHERE id = ANY (undone.twins) AND patient_id = undone.closed_id;
        UPDATE patients_patient SET merged_into_id = NULL WHERE id = undone.closed_id;
        INSERT INTO patients_mergeundo (id, clinic_id, merge_id, undone_at, undone_by_id, reason,
            moved)
        VALUES (undo, clinic, merge, clock_timestamp(), person, why, going);
        PERFORM patients_set_ties('IMMEDIATE');
        PERFORM set_config('app.merging', '', true);
    END $$;
    REVOKE ALL ON FUNCTION patients_undo_merge FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION patients_undo_merge TO dermaclinic_web;
"""


def functions() -> RunSQL:
    """Migration step: the guards, and what merges and undoes."""
    return RunSQL(
        GUARDS + RECORD + OPEN + _TABLES + _MERGE + _UNDO,
        """
        DROP FUNCTION patients_undo_merge;
        DROP FUNCTION patients_rows_of_merge;
        DROP FUNCTION patients_merge_records;
        DROP FUNCTION patients_set_ties;
        DROP FUNCTION patients_ids;
        DROP FUNCTION patients_rows_of;
        DROP FUNCTION patients_tied;
        DROP FUNCTION patients_moving_tables;
        DROP FUNCTION patients_of_open_record;
        DROP TRIGGER patients_closed_contact ON patients_patientcontact;
        DROP FUNCTION patients_closed_contact;
        DROP TRIGGER patients_patient_merged ON patients_patient;
        DROP FUNCTION patients_patient_merged;
        DROP FUNCTION patients_only_moves;
        DROP FUNCTION patients_merging;
        """,
    )
