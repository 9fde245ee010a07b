"""What the heap gives back to the system, and what its collection leaves out."""

import gc
import subprocess
import sys

import pytest

from imagevault.runtime.heap import COLLECT_AFTER, collecting_less

CODE = """
from pathlib import Path
from pwdlib.hashers.argon2 import Argon2Hasher
from imagevault.runtime.heap import return_large_blocks

def resident():
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0])

return_large_blocks()
hasher = Argon2Hasher(memory_cost=19456, time_cost=1, parallelism=1)
before = resident()
for _ in range(3):
    hasher.hash("large")
print(resident() - before)
"""


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="glibc only, and /proc")
def test_the_memory_of_a_password_hash_goes_back() -> None:
    """Each hash takes 19 MiB for a moment. Without the change of the threshold, the second one stays in the heap."""
    printed = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout

    assert int(printed) < 19456 / 2


def test_what_is_loaded_is_left_out_while_a_server_runs() -> None:
    """And not for longer: a program may start several servers, one after the other."""
    before = gc.get_threshold()
    with collecting_less():
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == (COLLECT_AFTER, *before[1:])
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
