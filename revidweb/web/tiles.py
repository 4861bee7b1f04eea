"""What a tile says of a result, and its shape: filters of `gallery/tiles.jinja`."""

from functools import lru_cache

from revidweb.catalog import labels
from revidweb.files.models import StoredFile
from revidweb.jobs.models import Output

from .templatetags import house

# Width to height of the shapes that gallery.css knows. Inline styles are forbidden, so a tile takes the nearest one,
# at most 5 % off, and its picture covers the difference.
SHAPES = (
    *("1:3", "9:21", "1:2", "9:16", "5:8", "2:3", "18:25", "3:4", "4:5", "7:8", "15:16"),
    *("1:1", "16:15", "8:7", "5:4", "4:3", "25:18", "3:2", "8:5", "16:9", "2:1", "11:5", "21:9", "8:3", "3:1"),
)


def _ratio(shape: str) -> float:
    wide, high = shape.split(":")
    return int(wide) / int(high)


RATIOS = {shape: _ratio(shape) for shape in SHAPES}


def words(output: Output) -> list[str]:
    """What a tile says below the prompt: the model, the size, the cost."""
    job, file = output.job, output.file
    asked = job.params.get("resolution", "")
    size = labels.of_value("resolution", asked) if asked not in ("", "default") else f"{file.width} × {file.height}"
    return [job.media_model.title, size, house.credits(job.credits)]


def shape(file: StoredFile) -> str:
    """The shape nearest to the file's own: "16:9"."""
    return _nearest(file.width / file.height)


@lru_cache(maxsize=1024)
def _nearest(own: float) -> str:
    return min(RATIOS, key=lambda name: max(RATIOS[name] / own, own / RATIOS[name]))
