"""Small real pictures for the latest results, drawn and marked as the preview provider does it."""

from io import BytesIO

import numpy as np

from revidweb.accounts.models import Tenant
from revidweb.files import intake, storage
from revidweb.files.models import Purpose, StoredFile
from revidweb.providers.preview import caption, fields, picture
from revidweb.providers.preview.scene import compose

_SIZE = (640, 480)
_GRAIN = 2.2
_STEM = "outputs/{tenant}/history/{name}"


class Shelf:
    """Pictures by prompt, each drawn when it is first asked for. most: of further prompts an earlier one is given."""

    def __init__(self, tenant: Tenant, most: int) -> None:
        self._tenant, self._most = tenant, most
        self._drawn: dict[str, StoredFile] = {}

    def picture(self, prompt: str) -> StoredFile:
        """A stored picture as an unsaved row, whose bytes and thumbnail are in place."""
        if prompt not in self._drawn:
            drawn = list(self._drawn.values())
            is_full = len(drawn) >= self._most
            self._drawn[prompt] = drawn[len(prompt) % len(drawn)] if is_full else self._draw(prompt, len(drawn))
        return self._drawn[prompt]

    def _draw(self, prompt: str, number: int) -> StoredFile:
        drawn = compose(prompt, number, _SIZE, None).draw()
        fields.grain(drawn, np.random.default_rng(number), _GRAIN)
        caption.lay(drawn, caption.strip(prompt, _SIZE))
        stem = _STEM.format(tenant=self._tenant.public_id, name=number)
        with storage.scratch() as folder:
            path = folder / "picture"
            path.write_bytes(picture.encode(drawn))
            return intake.take_in(path, tenant=self._tenant, member=None, purpose=Purpose.OUTPUT, stem=stem)


def copy(names: dict[str, str]) -> None:
    """Place the bytes of stored files under further names: each new one, and what is there already."""
    for new, old in names.items():
        with storage.read(old) as content:
            storage.place(BytesIO(content.read()), new)
