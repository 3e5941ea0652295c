"""
Look for known vulnerabilities in the dependencies: `python -m tests.harness.dependency_audit`.

pip-audit asks PyPI about each pinned package. If PyPI does not answer, the program prints that and
ends with 0. It ends with 1 if a package has a known vulnerability.
"""

import json
import subprocess
import sys

COMMAND = (
    *("pip-audit", "--requirement", "requirements/base.txt", "--require-hashes", "--disable-pip"),
    *("--progress-spinner", "off", "--format", "json"),
)


def main() -> int:
    """Audit the dependencies, and print each vulnerability."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(f"Not audited: {done.stderr.strip().splitlines()[-1:]}")
        return 0
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    for package in packages:
        for vulnerability in package.get("vulns", ()):
            print(f"{package['name']} {package['version']}: {vulnerability['id']}")
    print(
        f"{len(packages) - len(skipped)} packages audited, {len(skipped)} could not be looked up."
    )
    return int(any(package.get("vulns") for package in packages))


if __name__ == "__main__":
    sys.exit(main())
