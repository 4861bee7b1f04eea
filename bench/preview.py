"""How long previews take, beside encoding the same number of flat pictures of the same size with the same settings.

    python -m bench.preview

Seconds are of processor time over all threads, so that a busy machine changes little. One ticket each, the fastest of
three runs (clips: of one).
"""

import os
import resource
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import django
from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revidweb.settings")
django.setup()

from revidweb.providers.base import Kind  # noqa: E402
from revidweb.providers.preview import clip, picture, sizes, sound  # noqa: E402
from revidweb.providers.preview.ticket import Ticket  # noqa: E402

PROMPT = "A sea at dusk, far mountains"
PICTURES = [("1k", "16:9"), ("1k", "1:1"), ("2k", "16:9"), ("4k", "16:9"), ("4k", "1:1")]
CLIPS = [("480p", 5, False), ("720p", 5, False), ("720p", 5, True), ("1080p", 10, True)]
ROOM = 10**9


def main() -> None:
    """Print one row for each size."""
    print(f"{'what':28}{'drawn s':>9}{'flat s':>9}{'ratio':>8}{'bytes':>11}{'peak MB':>9}")
    for resolution, ratio in PICTURES:
        job = _ticket(Kind.IMAGE, resolution=resolution, aspect_ratio=ratio)
        _row(f"picture {resolution} {ratio}", job, lambda job=job: _flat_picture(job), runs=3)
    for resolution, seconds, audio in CLIPS:
        job = _ticket(Kind.VIDEO, resolution=resolution, duration=seconds, audio=audio, aspect_ratio="16:9")
        name = f"clip {resolution} {seconds} s{' + sound' if audio else ''}"
        _row(name, job, lambda job=job: _flat_clip(job), runs=1)


def _ticket(kind: Kind, **params: str | int | bool) -> Ticket:
    return Ticket(kind=kind, model="bench", prompt=PROMPT, seed=4, submitted_at=0, takes_s=0, params=params)


def _row(name: str, job: Ticket, flat: Callable[[], None], runs: int) -> None:
    target = BytesIO()
    write = clip.write if job.is_clip else picture.write
    drawn_s = _fastest(lambda: (target.seek(0), target.truncate(), write(job, target, max_bytes=ROOM)), runs)
    flat_s = _fastest(flat, runs)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = len(target.getvalue())
    print(f"{name:28}{drawn_s:9.2f}{flat_s:9.2f}{drawn_s / flat_s:8.1f}{size:11,}{peak_mb:9.0f}", flush=True)


def _fastest(deed: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.process_time()
        deed()
        times.append(time.process_time() - start)
    return min(times)


def _flat_picture(job: Ticket) -> None:
    picture.encode(Image.new("RGB", sizes.picture_size(job.params), "teal"))


def _flat_clip(job: Ticket) -> None:
    seconds = sizes.duration_s(job.params)
    flat = Image.new("RGB", sizes.clip_size(job.params), "teal")
    tones = sound.frames(job.seed, seconds) if sizes.has_audio(job.params) else None
    with TemporaryDirectory() as folder:
        clip.encode(Path(folder, "flat.mp4"), [flat] * (seconds * sizes.FRAMES_PER_S), tones)


if __name__ == "__main__":
    main()
