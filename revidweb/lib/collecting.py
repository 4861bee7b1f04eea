"""How Python's garbage collector is set in a process that answers requests."""

import gc


def settle() -> None:
    """What is loaded by now stays: a collection need not walk it again, and few requests leave anything to collect."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
