"""What gunicorn reads before a request is one of ours; addresses and workers stand on its command.

It finds this file in the folder that it is started in.
"""

limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190
# Whoever both counts and chunks a body, or folds a header, is up to something.
permit_obsolete_folding = False
strip_header_spaces = False
header_map = "refuse"
forwarded_allow_ips = ""  # Django alone decides whom to believe (TRUSTED_PROXIES)
secure_scheme_headers: dict[str, str] = {}
