"""What RevidAPI's own documents print: every model id, and every price that is not only a range."""

from revidweb.providers.base import Kind

# The tables of its overview: id, kind, servers, the lowest and the highest price ("varies": None).
OVERVIEW = [
    ("flux-2-pro", Kind.IMAGE, {"fast", "vip1"}, 10, 30),
    ("grok-image", Kind.IMAGE, {"vip1"}, 20, 20),
    ("image-4.0", Kind.IMAGE, {"fast"}, 4, 4),
    ("image-gpt", Kind.IMAGE, {"vip1"}, 8, 40),
    ("image-gpt-2", Kind.IMAGE, {"vip1"}, None, None),
    ("imagen-4", Kind.IMAGE, {"fast"}, 20, 20),
    ("imagen-4-fast", Kind.IMAGE, {"fast"}, 20, 20),
    ("imagen-4-ultra", Kind.IMAGE, {"fast"}, 30, 30),
    ("kling-o1-image", Kind.IMAGE, {"vip1"}, 12, 35),
    ("nano-banana", Kind.IMAGE, {"fast", "vip1"}, 1, 20),
    ("nano-banana-2", Kind.IMAGE, {"fast", "vip1"}, 20, 40),
    ("nano-banana-pro", Kind.IMAGE, {"fast", "vip1"}, 12, 70),
    ("nano-banana-pro-cheap", Kind.IMAGE, {"fast"}, 10, 10),
    ("seedream-4.5", Kind.IMAGE, {"fast", "vip1"}, 15, 70),
    ("kling-2.5-turbo", Kind.VIDEO, {"fast", "vip1", "vip2"}, 10, 300),
    ("kling-2.6", Kind.VIDEO, {"fast", "vip1", "vip2"}, 15, 640),
    ("kling-3.0-video", Kind.VIDEO, {"fast", "vip1"}, 15, 720),
    ("kling-o1-video", Kind.VIDEO, {"vip2"}, 60, 600),
    ("seedance-2.0-fast", Kind.VIDEO, {"vip1"}, None, None),
    ("seedance-2.0", Kind.VIDEO, {"vip1"}, None, None),
    ("veo3.1-low", Kind.VIDEO, {"fast"}, 15, 15),
    ("veo3.1-fast", Kind.VIDEO, {"fast"}, 10, 10),
    ("veo3.1-high", Kind.VIDEO, {"fast"}, 20, 20),
    ("grok-i2v", Kind.VIDEO, {"default"}, 30, 70),
    ("motion-control-2.6", Kind.MOTION, {"vip2"}, 60, 90),
    ("motion-control-3.0", Kind.MOTION, {"vip2"}, 12, 120),
    ("kling-avatar", Kind.AVATAR, {"vip1"}, 5, 10),
]
NAMES = [name for name, *_rest in OVERVIEW]
NOT_YET = {"seedance-2.0-fast", "seedance-2.0", "motion-control-2.6", "motion-control-3.0", "kling-avatar"}

# The image page's and the video page's own lists: id -> the model that it is, and the parameters it carries.
IMAGE_PAGE = {
    "nano-banana": ("nano-banana", {}),
    "nano-banana-pro": ("nano-banana-pro", {}),
    "nano-banana-fast": ("nano-banana", {"speed": "fast"}),
    "nano-banana-pro-fast": ("nano-banana-pro", {"speed": "fast"}),
    "imagen-4.0": ("image-4.0", {}),
    "imagen-4": ("imagen-4", {}),
    "imagen-4-fast": ("imagen-4-fast", {}),
    "imagen-4-ultra": ("imagen-4-ultra", {}),
    "flux-2-pro": ("flux-2-pro", {}),
    "seedream-4.5": ("seedream-4.5", {}),
    "kling-01-image": ("kling-o1-image", {}),
    "chatgpt-image": ("image-gpt", {}),
    "nano-banana-2": ("nano-banana-2", {}),
    "grok-image": ("grok-image", {}),
}
VIDEO_PAGE = {
    "kling-2.5-turbo": ("kling-2.5-turbo", {}),
    "kling-01-video": ("kling-o1-video", {}),
    "kling-3.0": ("kling-3.0-video", {}),
    "kling-2.6": ("kling-2.6", {}),
    "veo-3.1": ("veo3.1-low", {}),
    "veo-3.1-fast": ("veo3.1-fast", {}),
    "veo-3.1-high": ("veo3.1-high", {}),
}
EVERY_ID = {name: (name, {}) for name in NAMES} | IMAGE_PAGE | VIDEO_PAGE

# Rows that are printed one by one, or that a single price leaves no choice about: they stand exactly.
EXACT = {
    ("kling-2.6", "fast", "720p-5s-fast"): 15,
    ("kling-2.6", "fast", "720p-5s-audio-fast"): 25,
    ("kling-2.6", "vip1", "1080p-10s-slow"): 320,
    ("grok-i2v", "default", "480p-6s-standard"): 30,
    ("grok-i2v", "default", "480p-10s-standard"): 45,
    ("grok-i2v", "default", "720p-6s-standard"): 50,
    ("grok-i2v", "default", "720p-10s-standard"): 70,
    ("veo3.1-low", "fast", "8s-fast"): 15,
    ("veo3.1-fast", "fast", "8s-fast"): 10,
    ("veo3.1-high", "fast", "8s-fast"): 20,
    ("grok-image", "vip1", "default-fast"): 20,
    ("image-4.0", "fast", "default-fast"): 4,
    ("imagen-4", "fast", "default-fast"): 20,
    ("imagen-4-fast", "fast", "default-fast"): 20,
    ("imagen-4-ultra", "fast", "default-fast"): 30,
    ("nano-banana-pro-cheap", "fast", "default-fast"): 10,
}
