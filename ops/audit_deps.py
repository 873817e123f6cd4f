"""Known vulnerabilities of what requirements.txt pins, by pip-audit.

Runs in the project's directory: `python ops/audit_deps.py [FILE]`. Ends with 0 when none is known,
1 when some are, and 2 when no list of them can be reached: never take the last for the first.
"""

import json
import subprocess
import sys

OFFLINE = """\
No list of known vulnerabilities can be reached from here, so nothing was checked.
Run `make audit-deps` where the index of Python packages can be reached, or give `make sbom`'s
document to a scanner that has a list of its own."""


def main(requirements: str = "requirements.txt") -> int:
    """Print each finding on a line; the exit status."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--requirement", requirements),
            *("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"),
            *("--timeout", "15"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(OFFLINE)
        print(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "")
        return 2
    checked = [each for each in found if "skip_reason" not in each]
    if not checked:
        print(OFFLINE)
        return 2
    lines = [
        f"{each['name']} {each['version']}: {flaw['id']}"
        f" (fixed in {', '.join(flaw['fix_versions']) or 'no version yet'})"
        for each in found
        for flaw in each.get("vulns", [])
    ]
    print("\n".join(lines) or f"None of {len(checked)} packages has a known flaw.")
    if skipped := [each["name"] for each in found if "skip_reason" in each]:
        print(f"Not in the list, so not checked: {', '.join(skipped)}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
