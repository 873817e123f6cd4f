"""The first answers to idempotent requests stand behind row-level security, too.

They hold patient data, encrypted. A key belongs to a membership, and so to its clinic; the worker
clears out what is old in all of them, and may read no answer.
"""

from django.db import migrations

CONTEXT = "NULLIF(current_setting('app.clinic', true), '')::uuid"
OURS = (
    "EXISTS (SELECT FROM accounts_membership m "
    f"WHERE m.id = membership_id AND m.clinic_id = {CONTEXT})"
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_sign_in")]

    operations = [
        migrations.RunSQL(
            f"""
            ALTER TABLE accounts_idempotencykey ENABLE ROW LEVEL SECURITY;
            CREATE POLICY clinic ON accounts_idempotencykey TO dermaclinic_web
                USING ({OURS}) WITH CHECK ({OURS});
            CREATE POLICY look ON accounts_idempotencykey FOR SELECT TO dermaclinic_worker
                USING (true);
            CREATE POLICY clear ON accounts_idempotencykey FOR DELETE TO dermaclinic_worker
                USING (true);
            """,
            """
            DROP POLICY clear ON accounts_idempotencykey;
            DROP POLICY look ON accounts_idempotencykey;
            DROP POLICY clinic ON accounts_idempotencykey;
            ALTER TABLE accounts_idempotencykey DISABLE ROW LEVEL SECURITY;
            """,
        ),
    ]
