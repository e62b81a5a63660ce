"""What the C library keeps of freed memory."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, threading, torch
from embedreg.core.freed_memory import keep_freed_memory
torch.set_num_threads(1)
if sys.argv[1] == "keep":
    keep_freed_memory()
def layer(rows, states):
    mixed = torch.empty(rows, 600).fill_(1)
    read = torch.empty(rows, 200).fill_(1)
    del mixed
    wide = torch.empty(rows, 800).fill_(1)
    return torch.empty(rows, 200).fill_(1)
def work():
    for turn in range(6):
        rows, states = 1000 + turn * 397 % 1000, None
        for _ in range(6):
            states = layer(rows, states)
        torch.empty(2, rows, 384).fill_(1)
for call in range(12):
    if call == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    threads = [threading.Thread(target=work) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
def test_arrays_of_some_megabytes_come_back_without_page_faults():
    given_back, kept = (
        int(
            subprocess.run(
                [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
            ).stdout
        )
        for how in ("plain", "keep")
    )
    assert kept * 2 < given_back
