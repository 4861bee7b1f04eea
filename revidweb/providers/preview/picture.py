"""Still pictures: PNG, and WebP above a megapixel, where PNG's lossless grain would weigh tens of megabytes."""

from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL import Image

from . import caption, fields, sizes
from .basis import unfold
from .scene import compose
from .ticket import Ticket

_MOST_PNG_PIXELS = 1_100_000
_GRAIN = 2.2


def write(job: Ticket, target: BinaryIO, *, max_bytes: int) -> None:
    """Draw the job's picture into `target`: the same ticket gives the same bytes.

    Raises ValueError when they are more than max_bytes.
    """
    encoded = encode(draw(job))
    if len(encoded) > max_bytes:
        raise ValueError(f"{len(encoded)} bytes are more than the {max_bytes} allowed")
    target.write(encoded)


def draw(job: Ticket) -> Image.Image:
    """The job's picture, in its size, with grain and caption."""
    basis = unfold(job.basis) if job.basis else None
    size = sizes.picture_size(job.params, like=basis.size if basis else (1, 1))
    picture = compose(job.prompt, job.seed, size, basis).draw()
    fields.grain(picture, np.random.default_rng(job.seed), _GRAIN)
    caption.lay(picture, caption.strip(job.prompt, size))
    return picture


def encode(picture: Image.Image) -> bytes:
    """The picture as a file."""
    buffer = BytesIO()
    if picture.width * picture.height <= _MOST_PNG_PIXELS:
        picture.save(buffer, "PNG", compress_level=2)
    else:
        picture.save(buffer, "WEBP", quality=86, method=1)
    return buffer.getvalue()
