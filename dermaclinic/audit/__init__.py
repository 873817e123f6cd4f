"""The audit's vocabulary: one function per action, called inside the service's own transaction.

Reads count: opening a record, an image or a report, and a search with the ids it showed.
Details hold ids and codes, never names. The functions stand in `actions/`, a module for each room.
"""

from dermaclinic.audit.actions.ahead import (
    preloaded_image as preloaded_image,
    preloaded_study as preloaded_study,
)
from dermaclinic.audit.actions.audit_itself import (
    disclosed_accesses as disclosed_accesses,
    exported_audit as exported_audit,
    reviewed_flag as reviewed_flag,
    viewed_accesses as viewed_accesses,
    viewed_audit as viewed_audit,
    viewed_unusual as viewed_unusual,
)
from dermaclinic.audit.actions.imaging import (
    admitted_image as admitted_image,
    assigned_image as assigned_image,
    began_upload as began_upload,
    corrected_image_kind as corrected_image_kind,
    discarded_upload as discarded_upload,
    moved_image as moved_image,
    quarantined_image as quarantined_image,
    rejected_image as rejected_image,
    repeated_image as repeated_image,
    resolved_quarantine as resolved_quarantine,
    resumed_upload as resumed_upload,
    started_study as started_study,
    took_back_assignment as took_back_assignment,
    viewed_image as viewed_image,
    viewed_quarantine as viewed_quarantine,
)
from dermaclinic.audit.actions.inference import (
    activated_model as activated_model,
    compared_models as compared_models,
    deactivated_model as deactivated_model,
    recorded_predictions as recorded_predictions,
    requested_prediction as requested_prediction,
    requested_shadow as requested_shadow,
    rolled_back_model as rolled_back_model,
    shadowed_model as shadowed_model,
    unshadowed_model as unshadowed_model,
    viewed_prediction as viewed_prediction,
    viewed_triages as viewed_triages,
)
from dermaclinic.audit.actions.keys import (
    rotated_keys as rotated_keys,
    started_key_rotation as started_key_rotation,
)
from dermaclinic.audit.actions.merging import (
    merged_patients as merged_patients,
    previewed_merge as previewed_merge,
    previewed_merge_undo as previewed_merge_undo,
    undid_merge as undid_merge,
)
from dermaclinic.audit.actions.patients import (
    added_lesion as added_lesion,
    changed_lesion as changed_lesion,
    changed_patient as changed_patient,
    placed_lesion as placed_lesion,
    recorded_consent as recorded_consent,
    registered_patient as registered_patient,
    searched_patients as searched_patients,
    viewed_lesion as viewed_lesion,
    viewed_patient as viewed_patient,
)
from dermaclinic.audit.actions.people import (
    changed_role as changed_role,
    deactivated_member as deactivated_member,
    ended_sessions as ended_sessions,
    idled_out as idled_out,
    invited_member as invited_member,
    joined_clinic as joined_clinic,
    reactivated_member as reactivated_member,
    revoked_token as revoked_token,
    token_out_of_scope as token_out_of_scope,
    token_refused as token_refused,
    withdrew_invitation as withdrew_invitation,
)
from dermaclinic.audit.actions.refusals import (
    denied as denied,
    not_found as not_found,
)
from dermaclinic.audit.actions.review import (
    asked_to_render_report as asked_to_render_report,
    changed_phrase as changed_phrase,
    claimed_study as claimed_study,
    compared_images as compared_images,
    composed_report as composed_report,
    discarded_report as discarded_report,
    flagged_report as flagged_report,
    recorded_assessment as recorded_assessment,
    recorded_histology as recorded_histology,
    refused_similar_case as refused_similar_case,
    rendered_report as rendered_report,
    sign_refused as sign_refused,
    signed_report as signed_report,
    viewed_assessment as viewed_assessment,
    viewed_histology as viewed_histology,
    viewed_report as viewed_report,
    viewed_session as viewed_session,
    viewed_similar_cases as viewed_similar_cases,
    viewed_study as viewed_study,
    viewed_worklist as viewed_worklist,
    withdrew_assessment as withdrew_assessment,
)
from dermaclinic.audit.actions.second_factor import (
    added_factor as added_factor,
    changed_password as changed_password,
    confirmation_failed as confirmation_failed,
    confirmed_identity as confirmed_identity,
    factor_failed as factor_failed,
    identity_refused as identity_refused,
    linked_identity as linked_identity,
    locked_out as locked_out,
    mapped_role as mapped_role,
    removed_factor as removed_factor,
    renewed_recovery_codes as renewed_recovery_codes,
    reset_sign_in as reset_sign_in,
    used_factor as used_factor,
    used_recovery_code as used_recovery_code,
)
from dermaclinic.audit.actions.second_reading import (
    asked_second_reading as asked_second_reading,
    asked_third_doctor as asked_third_doctor,
    claimed_second_reading as claimed_second_reading,
    closed_second_reading as closed_second_reading,
    decided_consensus as decided_consensus,
    kept_out_of_record as kept_out_of_record,
    proposed_consensus as proposed_consensus,
    recorded_second_reading as recorded_second_reading,
    viewed_second_reading as viewed_second_reading,
    viewed_second_readings as viewed_second_readings,
    withdrew_proposal as withdrew_proposal,
)
from dermaclinic.audit.actions.sign_in import (
    changed_clinic_settings as changed_clinic_settings,
    issued_token as issued_token,
    sign_in_failed as sign_in_failed,
    signed_in as signed_in,
    signed_out as signed_out,
)
