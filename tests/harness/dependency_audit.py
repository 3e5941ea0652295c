"""
Look for known holes in what the product depends on: `python -m tests.harness.dependency_audit`.

pip-audit asks PyPI about each pinned package. Where PyPI's answers about holes cannot be reached
this says so, and finds nothing; a hole that is known ends it with 1.
"""

import json
import subprocess
import sys

COMMAND = (
    *("pip-audit", "--requirement", "requirements/base.txt", "--require-hashes", "--disable-pip"),
    *("--progress-spinner", "off", "--format", "json"),
)


def main() -> int:
    """Audit, print what was found, and return the exit status."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(f"Not audited: {done.stderr.strip().splitlines()[-1:]}")
        return 0
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    for package in packages:
        for hole in package.get("vulns", ()):
            print(f"{package['name']} {package['version']}: {hole['id']}")
    print(
        f"{len(packages) - len(skipped)} packages audited, {len(skipped)} could not be looked up."
    )
    return int(any(package.get("vulns") for package in packages))


if __name__ == "__main__":
    sys.exit(main())
