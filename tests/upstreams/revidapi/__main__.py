"""The stand-in by hand: `python -m tests.upstreams.revidapi --port 8787`. Ctrl-C stops it."""

import argparse
import signal
import sys
import threading

from .script import TROUBLES
from .stand_in import StandIn

KEY = "sk_live_stand_in_0123456789abcdef"
OWNER_KEY = "sk_live_stand_in_owner_0123456789"
WORDS = """\
A stand-in for RevidAPI listens.

  base URL   {url}
  key        {key}
  another    {owner_key}, of a tenant's owner: it sees users, subscribers and revenue

revidweb dials it when it is started with this setting:

  PRIVATE_HOSTS={host}

Words in square brackets in a prompt make trouble, for example "a red fox [fail]":
{troubles}

Ctrl-C stops it.
"""


def main() -> None:
    """Stand in until Ctrl-C."""
    said = _arguments()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with _listening(said) as upstream:
        upstream.open_account(balance=said.balance, key=KEY)
        upstream.open_account(balance=said.balance, key=OWNER_KEY, organization="Acme Studio", is_owner=True)
        told = {"url": upstream.url, "key": KEY, "owner_key": OWNER_KEY, "host": upstream.host}
        words = WORDS.format(**told, troubles=_troubles())
        sys.stdout.write(words)
        sys.stdout.flush()
        stop.wait()


def _listening(said: argparse.Namespace) -> StandIn:
    try:
        return StandIn(said.port, image_s=said.image_s, video_s=said.video_s, reads_prompts=True)
    except OSError as failed:
        sys.exit(f"Port {said.port} cannot be used ({failed.strerror}). UPSTREAM_PORT (or --port) names another.")


def _troubles() -> str:
    """The troubles that an order may ask for, in lines."""
    words = [f"[{name.replace('_', ' ')}]" for name, each in TROUBLES.items() if "create" in each.usual]
    lines = [" ".join(words[start : start + 6]) for start in range(0, len(words), 6)]
    return "\n".join(f"  {line}" for line in lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.upstreams.revidapi", description="A stand-in for RevidAPI.")
    parser.add_argument("--port", type=int, default=8787, help="the port on 127.0.0.1 (8787)")
    parser.add_argument("--image-s", type=float, default=3, help="how long a picture takes, in seconds (3)")
    parser.add_argument("--video-s", type=float, default=8, help="how long a clip takes, in seconds (8)")
    parser.add_argument("--balance", type=int, default=5000, help="the account's credits (5000)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
