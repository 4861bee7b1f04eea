"""A process that must not outlive the one that started it."""

import os
import threading
import time
from collections.abc import Callable

_LOOK_EVERY_S = 0.5


def end_with_parent(last_deed: Callable[[], None] = lambda: None) -> None:
    """From now on end this process, without a farewell, soon after its parent is gone (killed, say).

    Else workers of a killed server would go on listening on its port. last_deed is done before. Call it early, while
    the parent is surely alive; of two calls each watches.
    """
    threading.Thread(target=_watch, args=(os.getppid(), last_deed), name="end-with-parent", daemon=True).start()


def _watch(parent: int, last_deed: Callable[[], None]) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    last_deed()
    os._exit(1)
