"""Append-only, and a wall: roles add events and read their clinic's; only the sealer seals."""

from django.db import migrations

from dermaclinic.accounts.tenancy import append_only, grant

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
        grant(
            "audit_event",
            web="SELECT, INSERT",
            worker="SELECT, INSERT",
            sealer="SELECT",
        ),
        grant("audit_seal", sealer="SELECT, INSERT"),
        grant("audit_sealedevent", web="SELECT", sealer="SELECT, INSERT"),
        append_only("audit_event", error="audit events are never changed or removed"),
        append_only("audit_seal", error="seals are never changed or removed"),
        append_only("audit_sealedevent", error="seals are never changed or removed"),
    ]
