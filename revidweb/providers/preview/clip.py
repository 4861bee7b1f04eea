"""Clips: H.264 at 24 frames a second in MP4, with an AAC track when sound is asked for, ready to stream."""

import shutil
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from django.conf import settings
from PIL import Image

from . import caption, sizes, sound
from .basis import unfold
from .scene import compose
from .ticket import Ticket

_SPEED = {"preset": "veryfast", "crf": "20"}
_THREADS = 2  # never "as many as the machine has": the bytes depend on it, and so does a worker's share


def write(job: Ticket, target: BinaryIO, *, max_bytes: int) -> None:
    """Draw the job's clip into `target`. Frames are drawn and encoded one by one. Raises ValueError beyond max_bytes.

    It is made in a file of its own first: an MP4 that streams has its index moved to the front at the end.
    """
    with TemporaryDirectory(dir=settings.TMP_DIR, prefix="preview-") as folder:
        path = Path(folder, "clip.mp4")
        encode(path, frames(job), _tones(job))
        if path.stat().st_size > max_bytes:
            raise ValueError(f"{path.stat().st_size} bytes are more than the {max_bytes} allowed")
        with path.open("rb") as clip:
            shutil.copyfileobj(clip, target)


def frames(job: Ticket) -> Iterator[Image.Image]:
    """The clip's pictures, one after the other: 24 for every second."""
    basis = unfold(job.basis) if job.basis else None
    size = sizes.clip_size(job.params, like=basis.size if basis else (16, 9))
    scene, strip = compose(job.prompt, job.seed, size, basis), caption.strip(job.prompt, size)
    duration_s = sizes.duration_s(job.params)
    for number in range(duration_s * sizes.FRAMES_PER_S):
        picture = scene.draw(number / sizes.FRAMES_PER_S, duration_s)
        caption.lay(picture, strip)
        yield picture


def encode(path: Path, pictures: Iterable[Image.Image], tones: Iterable[av.AudioFrame] | None = None) -> None:
    """Write pictures of one size, at least one, as an MP4 at 24 a second. tones: its sound; None for no track."""
    coming = iter(pictures)
    first = next(coming)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = _video_stream(container, first.size)
        audio = _audio_stream(container) if tones is not None else None
        for picture in chain([first], coming):
            container.mux(video.encode(_frame(picture)))
        container.mux(video.encode())
        if audio is not None and tones is not None:
            _add_sound(container, audio, tones)


def _tones(job: Ticket) -> Iterable[av.AudioFrame] | None:
    return sound.frames(job.seed, sizes.duration_s(job.params)) if sizes.has_audio(job.params) else None


def _add_sound(container: OutputContainer, audio: AudioStream, tones: Iterable[av.AudioFrame]) -> None:
    for frame in tones:
        container.mux(audio.encode(frame))
    container.mux(audio.encode())


def _video_stream(container: OutputContainer, size: sizes.Size) -> VideoStream:
    """An H.264 stream that says which colours it means, so that every player shows the same."""
    stream = container.add_stream("libx264", rate=sizes.FRAMES_PER_S, options=_SPEED)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.thread_count = _THREADS
    codec.colorspace, codec.color_range = Colorspace.ITU709, ColorRange.MPEG
    codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _audio_stream(container: OutputContainer) -> AudioStream:
    stream = container.add_stream("aac", rate=sound.RATE, layout="stereo")
    stream.bit_rate = 128_000
    return stream


def _frame(picture: Image.Image) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
