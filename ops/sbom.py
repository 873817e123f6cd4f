"""The parts of the product as a CycloneDX document (ECMA-424): Python packages and browser assets.

Runs in the project's directory: `python ops/sbom.py TARGET`. Everything is read from
requirements.txt and package-lock.json; nothing is asked of any index.
"""

import base64
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ALGORITHMS = {"sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}


def of_python() -> dict[str, Any]:
    """What requirements.txt pins, with its hashes, by CycloneDX's own program."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "cyclonedx_py", "requirements", "requirements.txt"),
            *("--output-format", "JSON", "--output-reproducible", "--output-file", "-"),
        ],
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def of_browser() -> list[dict[str, Any]]:
    """What package-lock.json pins, with its hashes."""
    lock = json.loads(Path("package-lock.json").read_text())
    return [
        _component(place.removeprefix("node_modules/"), said)
        for place, said in sorted(lock["packages"].items())
        if place
    ]


def _component(name: str, said: dict[str, Any]) -> dict[str, Any]:
    algorithm, _dash, digest = said["integrity"].partition("-")
    address = f"pkg:npm/{name.replace('@', '%40')}@{said['version']}"
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": said["version"],
        "purl": address,
        "hashes": [{"alg": ALGORITHMS[algorithm], "content": base64.b64decode(digest).hex()}],
    }
    if "license" in said:
        made["licenses"] = [{"license": {"id": said["license"]}}]
    return made


def document() -> dict[str, Any]:
    """The whole; the same for the same pins."""
    made = of_python()
    made["components"] += of_browser()
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    made["metadata"]["component"] = {
        "type": "application",
        "bom-ref": "dermaclinic",
        "name": project["name"],
        "version": project["version"],
        "description": project["description"],
    }
    refs = sorted(each["bom-ref"] for each in made["components"])
    made["dependencies"] = [{"ref": "dermaclinic", "dependsOn": refs}]
    return made


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Path(sys.argv[1]).write_text(json.dumps(document(), indent=1, sort_keys=True) + "\n")
