"""Profiles of the browsers under test. Each holds a copy of a model, so none outlives its browser."""

import os
import shutil
import time


def remove_profile(folder):
    """Deletes a profile; processes of the browser that has just ended may write to it for another moment."""
    deadline = time.monotonic() + 10
    while os.path.exists(folder):
        shutil.rmtree(folder, ignore_errors=time.monotonic() < deadline)
        time.sleep(0.05)
