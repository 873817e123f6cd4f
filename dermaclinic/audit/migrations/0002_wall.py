"""Append-only, and a wall: roles add events and read their clinic's; only the sealer seals."""

from django.db import migrations

from dermaclinic.accounts.tenancy import SAFE_PATH, append_only, grant

# All but the number: nobody takes one that is still to come.
INSERT = (
    "INSERT (uid, xid, at, clinic_id, actor_id, role, action, object_type, object_id, patient_id, "
    "outcome, purpose, request_id, address, detail, mac)"
)
CONTEXT = "NULLIF(current_setting('app.clinic', true), '')::uuid"


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
        ("accounts", "0002_wall"),
    ]

    operations = [
        migrations.RunSQL(
            f"""
            ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY;
            -- INSERT … RETURNING needs to see its own row, also one from before sign-in.
            CREATE POLICY look ON audit_event FOR SELECT TO dermaclinic_web, dermaclinic_worker
                USING (clinic_id = {CONTEXT}
                       OR clinic_id IS NULL AND xid = pg_current_xact_id());
            -- An event without clinic is one from before sign-in.
            CREATE POLICY add ON audit_event FOR INSERT TO dermaclinic_web, dermaclinic_worker
                WITH CHECK (clinic_id IS NULL OR clinic_id = {CONTEXT});
            CREATE POLICY seal ON audit_event FOR SELECT TO dermaclinic_sealer USING (true);
            """,
            """
            DROP POLICY seal ON audit_event;
            DROP POLICY add ON audit_event;
            DROP POLICY look ON audit_event;
            ALTER TABLE audit_event DISABLE ROW LEVEL SECURITY;
            """,
        ),
        # The sealer goes by `xid` and its watch by `at`: no writer may choose them.
        migrations.RunSQL(
            f"""
            CREATE FUNCTION audit_event_is_of_now() RETURNS trigger
            LANGUAGE plpgsql {SAFE_PATH} AS $$
            BEGIN
                IF NEW.at NOT BETWEEN clock_timestamp() - interval '1 minute'
                                  AND clock_timestamp() + interval '1 minute' THEN
                    RAISE EXCEPTION 'an event is written when it happens'
                        USING ERRCODE = 'check_violation',
                              HINT = 'Do the clocks of this server and the database agree?';
                END IF;
                NEW.xid := pg_current_xact_id();
                RETURN NEW;
            END $$;
            CREATE TRIGGER audit_event_is_of_now BEFORE INSERT ON audit_event
                FOR EACH ROW EXECUTE FUNCTION audit_event_is_of_now();
            """,
            """
            DROP TRIGGER audit_event_is_of_now ON audit_event;
            DROP FUNCTION audit_event_is_of_now();
            """,
        ),
        grant("audit_event", web=f"SELECT, {INSERT}", worker=f"SELECT, {INSERT}", sealer="SELECT"),
        grant("audit_seal", sealer="SELECT, INSERT"),
        grant("audit_sealedevent", web="SELECT", sealer="SELECT, INSERT"),
        append_only("audit_event", error="audit events are never changed or removed"),
        append_only("audit_seal", error="seals are never changed or removed"),
        append_only("audit_sealedevent", error="seals are never changed or removed"),
    ]
