"""The wall around contact data, and a history of edits whose sealed part may be rewrapped.

An envelope is 8 bytes of magic, the length of the key's id, that id, 60 bytes of nonce and wrapped
data key, and then the sealed data (dermaclinic/sealing/envelope.py), which stay the same.
"""

from django.db import migrations

from dermaclinic.accounts.tenancy import SAFE_PATH, protect, same

ERROR = "the history of a patient is never changed"
CHANGES = f"""
    GRANT UPDATE (sealed) ON patients_patientchange TO dermaclinic_web;
    CREATE FUNCTION sealed_data(envelope bytea) RETURNS bytea
        LANGUAGE sql IMMUTABLE STRICT {SAFE_PATH} AS $$
        SELECT CASE WHEN length(envelope) > 69
            THEN substring(envelope FROM 70 + get_byte(envelope, 8)) END $$;
    CREATE FUNCTION patients_patientchange_rewrap_only() RETURNS trigger
        LANGUAGE plpgsql {SAFE_PATH} AS $$
    BEGIN
        IF to_jsonb(OLD) - 'sealed' = to_jsonb(NEW) - 'sealed'
            AND sealed_data(OLD.sealed) = sealed_data(NEW.sealed) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION '{ERROR}' USING ERRCODE = 'restrict_violation';
    END $$;
    DROP TRIGGER patients_patientchange_append_only ON patients_patientchange;
    CREATE TRIGGER patients_patientchange_append_only BEFORE DELETE ON patients_patientchange
        FOR EACH ROW EXECUTE FUNCTION patients_patientchange_append_only();
    CREATE TRIGGER patients_patientchange_rewrap_only BEFORE UPDATE ON patients_patientchange
        FOR EACH ROW EXECUTE FUNCTION patients_patientchange_rewrap_only();
"""
BACK = """
    REVOKE UPDATE (sealed) ON patients_patientchange FROM dermaclinic_web;
    DROP TRIGGER patients_patientchange_rewrap_only ON patients_patientchange;
    DROP TRIGGER patients_patientchange_append_only ON patients_patientchange;
    CREATE TRIGGER patients_patientchange_append_only BEFORE UPDATE OR DELETE
        ON patients_patientchange FOR EACH ROW
        EXECUTE FUNCTION patients_patientchange_append_only();
    DROP FUNCTION patients_patientchange_rewrap_only();
    DROP FUNCTION sealed_data(bytea);
"""


class Migration(migrations.Migration):
    dependencies = [("patients", "0004_contact")]

    operations = [
        protect("patients_patientcontact", web="SELECT, INSERT, UPDATE", worker=""),
        same("patients_patientcontact", "patient_id", "patients_patient", "clinic_id"),
        migrations.RunSQL(CHANGES, BACK),
    ]
