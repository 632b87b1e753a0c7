"""A process that was forked while another thread read what botocore knows of services."""

import subprocess
import sys

FORKED = """
import os, signal
from automl_core.storage import s3_client
loader = s3_client._descriptions(None)
loader._one_at_a_time.acquire()
child = os.fork()
if child == 0:
    signal.alarm(30)
    os._exit(0 if loader.load_service_model("sts", "service-2") else 1)
loader._one_at_a_time.release()
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
raise SystemExit(abs(code))
"""


def test_a_fork_in_the_middle_of_reading_does_not_block_the_child() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
