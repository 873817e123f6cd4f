"""A partition of `audit_event` for each month, by the time of the event.

PostgreSQL wants the partition key in every unique constraint: the primary key becomes (id, at), and
a uid is unique with its time. Numbers stay unique all the same, since nobody but the owner may
choose one. Rows move with their numbers, transactions and signatures; seals do not notice.

A partition has no grants, row-level security without a policy, and the parent's triggers.
"""

import uuid

from django.db import migrations, models

from dermaclinic.accounts.tenancy import SAFE_PATH, grant

# All but the number: nobody takes one that is still to come.
COLUMNS = (
    "uid, xid, at, clinic_id, actor_id, role, action, object_type, object_id, patient_id, outcome, "
    "purpose, request_id, address, detail, key_id, mac"
)
CONTEXT = "NULLIF(current_setting('app.clinic', true), '')::uuid"

TABLE = f"""
    ALTER TABLE audit_event RENAME TO audit_event_whole;
    CREATE TABLE audit_event (
        LIKE audit_event_whole INCLUDING DEFAULTS
    ) PARTITION BY RANGE (at);
    CREATE TABLE audit_event_default PARTITION OF audit_event DEFAULT;
    ALTER TABLE audit_event_default ENABLE ROW LEVEL SECURITY;
    DO $$
    DECLARE
        month date;
    BEGIN
        FOR month IN SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC')::date
                     FROM audit_event_whole LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF audit_event FOR VALUES FROM (%L) TO (%L)',
                to_char(month, '"audit_event_y"YYYY"m"MM'), month || ' 00:00+00',
                (month + interval '1 month')::date || ' 00:00+00');
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY',
                to_char(month, '"audit_event_y"YYYY"m"MM'));
        END LOOP;
    END $$;
    INSERT INTO audit_event (id, {COLUMNS})
        SELECT id, {COLUMNS} FROM audit_event_whole ORDER BY id;
    -- The next number is the one that the old table would have given.
    CREATE SEQUENCE audit_event_number AS bigint;
    SELECT setval('audit_event_number', last_value, is_called)
        FROM audit_event_id_seq;
    DROP TABLE audit_event_whole;
    ALTER SEQUENCE audit_event_number RENAME TO audit_event_id_seq;
    ALTER SEQUENCE audit_event_id_seq OWNED BY audit_event.id;
    ALTER TABLE audit_event
        ALTER id SET DEFAULT nextval('audit_event_id_seq'),
        ADD CONSTRAINT audit_event_pkey PRIMARY KEY (id, at),
        ADD CONSTRAINT one_event_per_uid UNIQUE (uid, at),
        ADD CONSTRAINT audit_event_actor_id_fk FOREIGN KEY (actor_id)
            REFERENCES accounts_user DEFERRABLE INITIALLY DEFERRED,
        ADD CONSTRAINT audit_event_clinic_id_fk FOREIGN KEY (clinic_id)
            REFERENCES accounts_clinic DEFERRABLE INITIALLY DEFERRED;
    CREATE INDEX event_by_time ON audit_event (clinic_id, at DESC);
    CREATE INDEX event_by_patient ON audit_event (clinic_id, patient_id, at DESC);
    CREATE INDEX event_by_actor ON audit_event (clinic_id, actor_id, at DESC);
    CREATE INDEX event_by_xid ON audit_event (xid, id);
"""

WALL = f"""
    ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY;
    -- INSERT … RETURNING needs to see its own row, also one from before sign-in.
    CREATE POLICY look ON audit_event FOR SELECT TO dermaclinic_web, dermaclinic_worker
        USING (clinic_id = {CONTEXT} OR clinic_id IS NULL AND xid = pg_current_xact_id());
    -- An event without clinic is one from before sign-in.
    CREATE POLICY add ON audit_event FOR INSERT TO dermaclinic_web, dermaclinic_worker
        WITH CHECK (clinic_id IS NULL OR clinic_id = {CONTEXT});
    CREATE POLICY seal ON audit_event FOR SELECT TO dermaclinic_sealer USING (true);
    GRANT USAGE ON SEQUENCE audit_event_id_seq TO dermaclinic_web, dermaclinic_worker;
    CREATE TRIGGER audit_event_is_of_now BEFORE INSERT ON audit_event
        FOR EACH ROW EXECUTE FUNCTION audit_event_is_of_now();
    CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
        FOR EACH ROW EXECUTE FUNCTION audit_event_append_only();
    CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event
        FOR EACH STATEMENT EXECUTE FUNCTION audit_event_append_only();
    -- Row triggers reach the partitions by themselves, those of statements do not.
    DO $$
    DECLARE
        part regclass;
    BEGIN
        FOR part IN SELECT inhrelid::regclass FROM pg_inherits
                    WHERE inhparent = 'audit_event'::regclass LOOP
            EXECUTE format('CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON %s '
                'FOR EACH STATEMENT EXECUTE FUNCTION audit_event_append_only()', part);
        END LOOP;
    END $$;
"""

# The worker's beat calls it, who owns nothing. A month that has rows in the default partition gets
# none of its own: moving them would mean to switch the triggers off. They are as good where they are.
FUNCTION = f"""
    CREATE FUNCTION audit_make_partitions(ahead integer, OUT made integer, OUT unplaced bigint)
    LANGUAGE plpgsql SECURITY DEFINER {SAFE_PATH} AS $$
    DECLARE
        month timestamp;
        name text;
        first timestamptz;
        beyond timestamptz;
    BEGIN
        IF ahead NOT BETWEEN 0 AND 24 THEN
            RAISE EXCEPTION 'between 0 and 24 months ahead' USING ERRCODE = 'check_violation';
        END IF;
        PERFORM pg_advisory_xact_lock(x'5EA2'::integer);
        PERFORM set_config('lock_timeout', '3s', true);  -- writers wait no longer for this either
        made := 0;
        FOR month IN SELECT generate_series(now, now + make_interval(months => ahead), '1 month')
                     FROM date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') AS now LOOP
            name := to_char(month, '"audit_event_y"YYYY"m"MM');
            first := month AT TIME ZONE 'UTC';
            beyond := (month + interval '1 month') AT TIME ZONE 'UTC';
            CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL;
            CONTINUE WHEN EXISTS (
                SELECT FROM public.audit_event_default WHERE at >= first AND at < beyond);
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.audit_event '
                'FOR VALUES FROM (%L) TO (%L)', name, first, beyond);
            EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON public.%I '
                'FOR EACH STATEMENT EXECUTE FUNCTION public.audit_event_append_only()', name);
            made := made + 1;
        END LOOP;
        SELECT count(*) INTO unplaced FROM public.audit_event_default;
    END $$;
    REVOKE ALL ON FUNCTION audit_make_partitions FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION audit_make_partitions TO dermaclinic_worker, dermaclinic_sealer;
    SELECT audit_make_partitions(3);
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_keys")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(TABLE), migrations.RunSQL(WALL), migrations.RunSQL(FUNCTION)],
            [
                migrations.AlterField(
                    "event", "uid", models.UUIDField(default=uuid.uuid4, editable=False)
                ),
                migrations.AddConstraint(
                    "event",
                    models.UniqueConstraint(fields=("uid", "at"), name="one_event_per_uid"),
                ),
            ],
        ),
        grant(
            "audit_event",
            web=f"SELECT, INSERT ({COLUMNS})",
            worker=f"SELECT, INSERT ({COLUMNS})",
            sealer="SELECT",
        ),
    ]
