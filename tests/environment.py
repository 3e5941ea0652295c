"""
The environment of the tests: a folder of their own, free ports, and none of the user's settings.

Pytest loads it before Django's settings, which read the environment once.
"""

import atexit
import os
import shutil
import sys
import tempfile

from ingest.devstack.ports import free_ports

FOLDER = tempfile.mkdtemp(prefix="ingest-tests-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

# test_postgresql.py runs other tests on its own server.
DATABASE_URL = os.environ.get("TESTS_DATABASE_URL", "")

for name in list(os.environ):
    # The emulator's path belongs to the machine; every other setting is of a user's own stack.
    if (
        name.startswith(("INGEST_", "FIRESTORE_", "GOOGLE_", "OTEL_"))
        and name != "INGEST_EMULATOR_JAR"
    ):
        del os.environ[name]

BROKER_PORT, FIRESTORE_PORT = free_ports(2)
os.environ["INGEST_STATE_DIR"] = FOLDER
os.environ["INGEST_BROKER_PORT"] = str(BROKER_PORT)
os.environ["INGEST_FIRESTORE_PORT"] = str(FIRESTORE_PORT)
# Without Java the tests fail. They must not use another store then.
os.environ["INGEST_STORE"] = "firestore"
os.environ["INGEST_EMULATOR_EXPORT_SECONDS"] = "0"
# A machine that runs other tests too must not fail a page.
os.environ["INGEST_PAGE_SECONDS"] = "30"
os.environ["INGEST_DATABASE_URL"] = DATABASE_URL
# The emulator of a test lives for minutes. Java's second compiler would take half of its processor.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
# A model in a test's own process must not keep the other core busy with waiting.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Hundreds of processes of the tests read our modules. Bytecode saves each a tenth of a second.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
