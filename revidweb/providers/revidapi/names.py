"""One model under the several ids that the vendor's own pages print."""

from collections.abc import Mapping

from revidweb.providers.base import Param

_ALSO: dict[str, str] = {
    "imagen-4.0": "image-4.0",
    "chatgpt-image": "image-gpt",
    "kling-01-image": "kling-o1-image",
    "kling-01-video": "kling-o1-video",
    "kling-3.0": "kling-3.0-video",
    "veo-3.1": "veo3.1-low",
    "veo-3.1-fast": "veo3.1-fast",
    "veo-3.1-high": "veo3.1-high",
    "nano-banana-fast": "nano-banana",
    "nano-banana-pro-fast": "nano-banana-pro",
}
_CARRIES: dict[str, dict[str, Param]] = {
    "nano-banana-fast": {"speed": "fast"},
    "nano-banana-pro-fast": {"speed": "fast"},
}


def one(name: str) -> str:
    """The id that stands for all spellings of it."""
    plain = name.strip().lower()
    return _ALSO.get(plain, plain)


def carried(name: str) -> Mapping[str, Param]:
    """The parameters that an id says itself."""
    return _CARRIES.get(name.strip().lower(), {})
