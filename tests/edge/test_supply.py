"""What the product is made of: told in full, and checked against what is known of it."""

import json
import re
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.M)


def plain(name: str) -> str:
    """A name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def document(tmp_path_factory: Any) -> Any:
    file = tmp_path_factory.mktemp("sbom") / "sbom.json"
    subprocess.run([sys.executable, "ops/sbom.py", str(file)], cwd=PROJECT, check=True)
    return json.loads(file.read_text())


def test_every_pinned_package_is_told(document: Any) -> None:
    pins = {
        (plain(name), version)
        for name, version in PIN.findall((PROJECT / "requirements.txt").read_text())
    }
    assert len(pins) > 80
    told = {
        (plain(each["name"]), each["version"])
        for each in document["components"]
        if each["purl"].startswith("pkg:pypi/")
    }
    assert told == pins


def test_every_browser_asset_is_told(document: Any) -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_text())["packages"]
    told = {each["purl"]: each for each in document["components"] if "npm" in each["purl"]}
    assert set(told) == {
        f"pkg:npm/{place.removeprefix('node_modules/')}@{said['version']}"
        for place, said in lock.items()
        if place
    }
    for each in told.values():
        [digest] = each["hashes"]
        assert digest["alg"] == "SHA-512" and len(bytes.fromhex(digest["content"])) == 64
        assert each["licenses"]


def test_it_is_a_cyclonedx_document(document: Any) -> None:
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "dermaclinic"
    refs = [each["bom-ref"] for each in document["components"]]
    assert len(refs) == len(set(refs))
    assert sorted(document["dependencies"][0]["dependsOn"]) == sorted(refs)
    assert all(
        each.get("hashes") or "externalReferences" in each for each in document["components"]
    )


def test_offline_the_audit_says_so_and_is_no_success(tmp_path: Path) -> None:
    """Every way out is a proxy that hangs up."""

    class HangsUp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.close()

    pins = tmp_path / "requirements.txt"
    pins.write_text(f"django==5.2 --hash=sha256:{'0' * 64}\n")
    with socketserver.TCPServer(("127.0.0.1", 0), HangsUp) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{proxy.server_address[1]}"
        done = subprocess.run(
            [sys.executable, "ops/audit_deps.py", str(pins)],
            cwd=PROJECT,
            env={"PATH": "/usr/bin:/bin", "HTTPS_PROXY": address, "HTTP_PROXY": address},
            capture_output=True,
            text=True,
            check=False,
        )
        proxy.shutdown()
    assert done.returncode == 2, done.stdout + done.stderr
    assert "nothing was checked" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
