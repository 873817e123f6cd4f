"""Row-level security; assessments are written once, and a signed report keeps its content."""

from django.db import migrations

from dermaclinic.accounts.tenancy import SAFE_PATH, append_only, immutable_when, protect, same

PDF = ("pdf_status", "pdf_name", "pdf_error", "pdf_attempts", "pdf_lease_expires_at")
LATER = (*PDF, "amendment_reason")


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial"), ("inference", "0002_wall")]

    operations = [
        protect(
            "reports_claim",
            web="SELECT, INSERT, UPDATE (clinic_id, doctor_id, expires_at), DELETE",
            worker="",
        ),
        protect("reports_assessment", web="SELECT, INSERT"),
        protect(
            "reports_report",
            web="SELECT, INSERT, UPDATE, DELETE",
            worker=f"SELECT, UPDATE ({', '.join(PDF)})",
        ),
        protect("reports_reportassessment", web="SELECT, INSERT, DELETE"),
        append_only("reports_assessment", error="an assessment is never changed: record a new one"),
        immutable_when(
            "reports_report",
            "OLD.status = 'signed'",
            but=LATER,
            error="a signed report is never changed: compose a new version",
        ),
        # What a signed report was composed of stays, too.
        migrations.RunSQL(
            f"""
            CREATE FUNCTION reports_reportassessment_of_draft() RETURNS trigger
            LANGUAGE plpgsql {SAFE_PATH} AS $$
            BEGIN
                IF EXISTS (SELECT FROM reports_report
                           WHERE id IN (OLD.report_id, NEW.report_id) AND status = 'signed') THEN
                    RAISE EXCEPTION 'a signed report is never changed: compose a new version'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN COALESCE(NEW, OLD);
            END $$;
            CREATE TRIGGER reports_reportassessment_of_draft
                BEFORE INSERT OR UPDATE OR DELETE ON reports_reportassessment
                FOR EACH ROW EXECUTE FUNCTION reports_reportassessment_of_draft();
            """,
            """
            DROP TRIGGER reports_reportassessment_of_draft ON reports_reportassessment;
            DROP FUNCTION reports_reportassessment_of_draft();
            """,
        ),
        # The web role asks for a PDF; only the worker says that there is one, and which.
        migrations.RunSQL(
            f"""
            CREATE FUNCTION reports_report_pdf() RETURNS trigger
            LANGUAGE plpgsql {SAFE_PATH} AS $$
            BEGIN
                IF NEW.pdf_name <> OLD.pdf_name
                   OR NEW.pdf_status NOT IN (OLD.pdf_status, 'pending') THEN
                    RAISE EXCEPTION 'a PDF is made by the worker'
                        USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER reports_report_pdf BEFORE UPDATE ON reports_report FOR EACH ROW
                WHEN (current_user = 'dermaclinic_web') EXECUTE FUNCTION reports_report_pdf();
            CREATE POLICY draft ON reports_report AS RESTRICTIVE FOR INSERT TO dermaclinic_web
                WITH CHECK (status = 'draft' AND pdf_name = '');
            """,
            """
            DROP POLICY draft ON reports_report;
            DROP TRIGGER reports_report_pdf ON reports_report;
            DROP FUNCTION reports_report_pdf();
            """,
        ),
        # The worker renders for all clinics. It learns here which reports wait and whose they are,
        # and nothing else: their content it reads in the clinic's context like everybody.
        migrations.RunSQL(
            """
            CREATE FUNCTION reports_waiting_for_pdf(how_many integer)
            RETURNS TABLE (report_id uuid, clinic_id uuid)
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
                SELECT id, clinic_id FROM reports_report
                WHERE pdf_status = 'pending'
                  AND (pdf_lease_expires_at IS NULL OR pdf_lease_expires_at < clock_timestamp())
                ORDER BY signed_at LIMIT how_many
            $$;
            REVOKE ALL ON FUNCTION reports_waiting_for_pdf(integer) FROM PUBLIC;
            GRANT EXECUTE ON FUNCTION reports_waiting_for_pdf(integer) TO dermaclinic_worker;
            """,
            "DROP FUNCTION reports_waiting_for_pdf(integer);",
        ),
        same("reports_claim", "study_id", "imaging_study", "clinic_id"),
        same("reports_assessment", "study_id", "imaging_study", "patient_id", "clinic_id"),
        same("reports_assessment", "lesion_id", "patients_lesion", "patient_id", "clinic_id"),
        same("reports_assessment", "opinion_id", "inference_prediction", "clinic_id"),
        same("reports_report", "study_id", "imaging_study", "patient_id", "clinic_id"),
        same("reports_report", "replaces_id", "reports_report", "study_id", "clinic_id"),
        same("reports_reportassessment", "report_id", "reports_report", "clinic_id"),
        same("reports_reportassessment", "assessment_id", "reports_assessment", "clinic_id"),
    ]
