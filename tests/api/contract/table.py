"""Bad requests by what is bad about them, each with the answer that it gets."""

# ruff: noqa: E501 — a request is a line

import json
from dataclasses import replace

from tests.api.makers import CLIP, PICTURE
from tests.files import makers

from .bad import MORE, Bad, of, posted
from .world import ELSEWHERE_HOST

IMAGE, VIDEO = "/image/generate", "/video/generate"
ABROAD = "https://pictures.example.com/fox.png"
NANO = PICTURE | {"model": "nano-banana"}
FOX = makers.encoded()
NO_TEXT = "has characters that are no text"
NOT_JSON, NO_OBJECT = "The body is not valid JSON", "The body must be a JSON object"
NO_TYPE = "Content-Type must be application/json or multipart/form-data"
UNREAD, LARGE = "The body could not be read", "The body is too large"
NO_JOB, NO_UPLOAD = "Job not found", "Upload not found"
NO_FILE = "img_url: no such file"
NO_ADDRESS = "img_url: must be a full http or https address"
FULL = {
    "error": "Queue full",
    "message": "Queue full (0/0)",
    "current_usage": {"total": 1, "queued": 0},
    "limits": {"total_concurrent": 1, "queue": 0},
}


def image(what: str, status: int, detail: object, **changes: object) -> Bad:
    return posted(IMAGE, PICTURE, what, status, detail, **changes)


def nano(what: str, detail: object, **changes: object) -> Bad:
    """Of a model that takes pictures."""
    return posted(IMAGE, NANO, what, 400, detail, **changes)


def clip(what: str, status: int, detail: object, **changes: object) -> Bad:
    return posted(VIDEO, CLIP, what, status, detail, **changes)


def raw(what: str, detail: str, content: bytes | str, content_type: str = "application/json", path: str = IMAGE) -> Bad:
    return Bad(what, f"POST {path}", 400, detail, raw=content, content_type=content_type)


def door(what: str, detail: str, authorization: str = "", *, line: str = "GET /balance", status: int = 401, **headers):
    told = ({"Authorization": authorization} if authorization else {}) | headers
    return Bad(what, line, status, detail, headers=told, who="nobody")


def proxied(what: str, status: int, told: str, *proxies: str) -> Bad:
    """By a key that is fenced to 203.0.113.0/24; the request itself comes from 127.0.0.1."""
    detail = "API key may not be used from this address"
    headers = {"X-Forwarded-For": told} if told else {}
    return Bad(
        what, "GET /balance", status, detail, who="fenced", headers=headers, settings={"TRUSTED_PROXIES": proxies}
    )


MISSING, INVALID = "Missing Authorization header", "Invalid API key"
DOORS = [
    door("no key", MISSING),
    door("no key for an order", MISSING, line=f"POST {IMAGE}"),
    door("no key for a list", MISSING, line="GET /dashboard/jobs"),
    door("no key for an upload", MISSING, line="POST /files/upload/presign"),
    door("a name and a password", MISSING, "Basic YWRhOmxvdmVsYWNl"),
    door("a scheme without a key", MISSING, "Bearer"),
    door("a scheme and spaces", MISSING, "Bearer    "),
    door("a key without a scheme", MISSING, "sk_live_" + "0" * 32),
    door("a key in a header of another name", MISSING, **{"X-Api-Key": "sk_live_" + "0" * 32}),
    door("a key in the query", MISSING, line="GET /balance?api_key=sk_live_00000000000000000000000000000000"),
    door("an unknown key", INVALID, "Bearer sk_live_" + "0" * 32),
    door("nonsense for a key", INVALID, "Bearer nonsense"),
    door("a key of 100,000 characters", INVALID, "Bearer sk_live_" + "0" * 100_000),
    door("a key with letters of nowhere", INVALID, "Bearer sk_live_" + "é" * 32),
    door("a key with a quote", INVALID, "Bearer sk_live_' OR 1=1 --"),
    door("no key on a tenant's host", MISSING, Host=ELSEWHERE_HOST),
    replace(door("a good key on another tenant's host", INVALID, Host=ELSEWHERE_HOST), who="shared"),
    of("rotated", Bad("a secret that was replaced", "GET /balance", 401, "API key has expired")),
    of("revoked", Bad("a revoked key", "GET /models", 401, "API key was revoked")),
    of("revoked", image("an order by a revoked key", 401, "API key was revoked")),
    of("expired", Bad("an expired key", "GET /limits", 401, "API key has expired")),
    of("expired", image("an order by an expired key", 401, "API key has expired")),
    of("paused", Bad("a paused key", "GET /dashboard/me", 401, "API key is disabled")),
    of("paused", image("an order by a paused key", 401, "API key is disabled")),
    of("suspended", Bad("a suspended member's key", "GET /balance", 401, "API key belongs to a suspended member")),
    of("suspended", image("an order for a suspended member", 401, "API key belongs to a suspended member")),
    of("a rate", Bad("one request too many in a minute", "GET /balance", 429, "Rate limit exceeded. Limit: 1 requests per minute.")),
    of("a rate", image("one order too many in a minute", 429, "Rate limit exceeded. Limit: 1 requests per minute.")),
    Bad("a key without TLS where there is TLS", "GET /balance", 403, "Use https://", settings={"SECURE_SSL_REDIRECT": True}),
    proxied("another address", 403, ""),
    proxied("an address that is forged", 403, "203.0.113.7"),
    proxied("a list that is forged", 403, "203.0.113.7, 203.0.113.8"),
    proxied("forged where somebody else is the proxy", 403, "203.0.113.7", "198.51.100.0/24"),
    proxied("no word of the proxy", 403, "", "127.0.0.1"),
    proxied("forged in front of what the proxy wrote", 403, "203.0.113.7, 198.51.100.9", "127.0.0.1"),
    proxied("nonsense of the proxy", 403, "203.0.113.7, nonsense", "127.0.0.1"),
    proxied("a network for an address", 403, "203.0.113.0/24", "127.0.0.1"),
]  # fmt: skip

BODIES = [
    raw("an empty body", "model: required", ""),
    raw("spaces", "model: required", "  \r\n "),
    raw("broken JSON", NOT_JSON, '{"prompt": "a"'),
    raw("JSON and more", NOT_JSON, json.dumps(PICTURE) + "x"),
    raw("quotes of another kind", NOT_JSON, "{'prompt': 'a'}"),
    raw("a comma too many", NOT_JSON, '{"prompt": "a",}'),
    raw("a list", NO_OBJECT, "[1]"),
    raw("a text", NO_OBJECT, '"text"'),
    raw("a number", NO_OBJECT, "5"),
    raw("null", NO_OBJECT, "null"),
    raw("no number", NOT_JSON, '{"prompt": NaN}'),
    raw("no end", NOT_JSON, '{"prompt": -Infinity}'),
    raw("100,000 lists in each other", NOT_JSON, "[" * 100_000),
    raw("100,000 objects in each other", NOT_JSON, '{"a":' * 100_000),
    raw("bytes that are no text", NOT_JSON, b"\xff\xfe\x00"),
    raw("a NUL in the JSON itself", NOT_JSON, b'{"prompt": "a\x00b"}'),
    raw("a number of 5,000 digits", NOT_JSON, '{"seed": ' + "9" * 5000 + "}"),
    raw("two megabytes", LARGE, '{"prompt": "' + "x" * 2_000_000 + '"}'),
    raw("XML", NO_TYPE, "<prompt/>", "application/xml"),
    raw("plain text", NO_TYPE, "prompt=a", "text/plain"),
    raw("bytes", NO_TYPE, b"\x00", "application/octet-stream"),
    raw("a content type that is none", NO_TYPE, "{}", "json"),
    raw("a form without a boundary", UNREAD, "--x\r\n", "multipart/form-data"),
    raw("a form that ends early", "model: required", "--x\r\nbroken", "multipart/form-data; boundary=x"),
    raw("a form in JSON's clothes", NOT_JSON, "prompt=a&model=image-4.0"),
    raw("JSON in a form's clothes", "model: required", json.dumps(PICTURE), "application/x-www-form-urlencoded"),
    raw("a form of 2,000 fields", LARGE, "&".join(f"a{n}=1" for n in range(2000)), "application/x-www-form-urlencoded"),
    raw("broken JSON for a clip", NOT_JSON, "{", path=VIDEO),
    raw("broken JSON for an upload", NOT_JSON, "{", path="/files/upload/presign"),
    raw("a list for a confirmation", NO_OBJECT, "[]", path="/files/upload/confirm"),
    raw("XML for an address", NO_TYPE, "<url/>", "text/xml", "/files/upload-url"),
    raw("a later field that takes back an earlier one", "prompt: required", '{"model":"image-4.0","prompt":"a","prompt":""}'),
    raw("a later field of another type", "prompt: must be a string", '{"model":"image-4.0","prompt":"a","prompt":{}}'),
    raw("a field twice in a form", "prompt: required", "model=image-4.0&prompt=a&prompt=", "application/x-www-form-urlencoded"),
]  # fmt: skip

PICTURES = [
    image("no prompt", 400, "prompt: required", prompt=None),
    image("an empty prompt", 400, "prompt: required", prompt=""),
    image("spaces for a prompt", 400, "prompt: required", prompt=" \t\n "),
    image("a list for a prompt", 400, "prompt: must be a string", prompt=["a"]),
    image("an object for a prompt", 400, "prompt: must be a string", prompt={"text": "a"}),
    image("a number for a prompt", 400, "prompt: must be a string", prompt=5),
    image("no for a prompt", 400, "prompt: must be a string", prompt=False),
    image("a NUL in the prompt", 400, f"prompt: {NO_TEXT}", prompt="a\x00b"),
    image("a lone surrogate in the prompt", 400, f"prompt: {NO_TEXT}", prompt="a\ud83d"),
    image("a prompt of 5,001 characters", 400, "prompt: has 5001 characters; at most 5000 are taken", prompt="x" * 5001),
    image("a prompt of 100,001 characters", 400, "prompt: must have at most 100000 characters", prompt="x" * 100_001),
    image("no model", 400, "model: required", model=None),
    image("an empty model", 400, "model: required", model=" "),
    image("a number for a model", 400, "model: must be a string", model=4),
    image("an unknown model", 400, "model: no such model", model="no-such-model"),
    image("a model of 81 characters", 400, "model: must have at most 80 characters", model="x" * 81),
    image("a NUL in the model", 400, f"model: {NO_TEXT}", model="image-4.0\x00"),
    image("a lone surrogate in the model", 400, f"model: {NO_TEXT}", model="\udfff"),
    image("a model that makes clips", 400, f"model: Kling 2.6 makes another kind{MORE}", model="kling-2.6"),
    image("a model of a way to do it that is not offered", 400, f"model: Seedance{MORE}", model="seedance-2.0"),
    posted(IMAGE, NANO | {"model": "nano-banana-pro"}, "an unknown resolution", 400, f"resolution: 9k is not a choice{MORE}", resolution="9k"),
    posted(IMAGE, NANO | {"model": "nano-banana-pro"}, "a list for a resolution", 400, "resolution: must be a string or a whole number", resolution=["1k"]),
    posted(IMAGE, NANO | {"model": "nano-banana-pro"}, "a huge number for a resolution", 400, "resolution: must be a string or a whole number", resolution=10**40),
    posted(IMAGE, NANO | {"model": "nano-banana-pro"}, "half a resolution", 400, "resolution: must be a string or a whole number", resolution=1.5),
    posted(IMAGE, NANO | {"model": "nano-banana-pro"}, "a NUL in the resolution", 400, f"resolution: {NO_TEXT}", resolution="1k\x00"),
    posted(IMAGE, NANO | {"model": "nano-banana-pro"}, "a resolution of 2,001 characters", 400, "resolution: must have at most 2000 characters", resolution="k" * 2001),
    nano("an unknown speed", f"speed: warp is not a choice{MORE}", speed="warp"),
    nano("an object for a speed", "speed: must be a string or a whole number", speed={}),
    nano("an unknown server", f"server_id: vip9 is not a choice{MORE}", server_id="vip9"),
    nano("a list for a server", "server_id: must be a string or a whole number", server_id=["fast"]),
    image("a server that this model is not at", 400, f"server_id: vip1 is not a choice{MORE}", server_id="vip1"),
    image("an object for an aspect ratio", 400, "aspect_ratio: must be a string or a whole number", aspect_ratio={"w": 16}),
    of("of a poor member", image("too few credits", 402, "Insufficient user balance. Required: 4, Available: 3")),
    of("of a tenant at rest", image("a model that nothing offers", 503, "No connection offers Imagen 4.0 at this moment")),
]  # fmt: skip

CLIPS = [
    clip("no model", 400, "model: required", model=None),
    clip("a model that makes pictures", 400, f"model: Imagen 4.0 makes another kind{MORE}", model="image-4.0"),
    clip("a word for a duration", 400, 'duration: must be whole seconds, such as 5 or "5s"', duration="five"),
    clip("no time", 400, 'duration: must be whole seconds, such as 5 or "5s"', duration=0),
    clip("less than no time", 400, 'duration: must be whole seconds, such as 5 or "5s"', duration="-5s"),
    clip("half a second", 400, "duration: must be a string or a whole number", duration=2.5),
    clip("half a second as a word", 400, 'duration: must be whole seconds, such as 5 or "5s"', duration="2.5"),
    clip("a list for a duration", 400, "duration: must be a string or a whole number", duration=[5]),
    clip("a huge duration", 400, "duration: must be a string or a whole number", duration=10**30),
    clip("a huge duration as a word", 400, 'duration: must be whole seconds, such as 5 or "5s"', duration="9" * 400),
    clip("digits of elsewhere", 400, 'duration: must be whole seconds, such as 5 or "5s"', duration="٥"),
    clip("a duration that is not sold", 400, f"duration: 7 is not a choice{MORE}", duration=7),
    clip("yes for a duration", 400, 'duration: must be whole seconds, such as 5 or "5s"', duration=True),
    clip("perhaps with sound", 400, "audio: must be true or false", audio="maybe"),
    clip("sound of a number", 400, "audio: must be true or false", audio=2),
    clip("sound of a list", 400, "audio: must be a string or a whole number", audio=[True]),
    clip("an unknown resolution", 400, f"resolution: 8k is not a choice{MORE}", resolution="8k"),
    clip("an unknown aspect ratio", 400, f"aspect_ratio: 5:1 is not a choice{MORE}", aspect_ratio="5:1"),
    clip("a mode that is none", 400, "mode: must be t2v or i2v", mode="sideways"),
    clip("a list for a mode", 400, "mode: must be a string", mode=["t2v"]),
    clip("from a picture, without one", 400, "mode: i2v needs an image: img_url or input_image", mode="i2v"),
    clip("from text alone, with a picture", 400, "mode: t2v takes no image", mode="t2v", img_url=ABROAD),
    clip("a model that needs a picture, without one", 400, f"input_image: Kling O1 Video needs an input image{MORE}", model="kling-o1-video"),
    clip("two pictures for a model that takes one", 400, "input_image: Kling 2.6 starts from at most 1, not from 2", img_url=[ABROAD, f"{ABROAD}?2"]),
    clip("17 pictures", 400, "img_url: at most 16 images are taken", img_url=[f"{ABROAD}?{n}" for n in range(17)]),
    clip("more than there is", 402, f"Insufficient user balance. Required: {MORE}", model="kling-3.0", duration="15s", resolution="1080p", audio=True),
]  # fmt: skip

INPUTS = [
    nano("a number for an address", "img_url: must be a string", img_url=7),
    nano("an object for an address", "img_url: must be a string", img_url={"url": ABROAD}),
    nano("a list of lists", "img_url: must be a string", img_url=[[ABROAD]]),
    nano("a list that is broken", "img_url: must be a string or a list of strings", img_url='["https://a'),
    nano("a hundred lists in each other, as a word", "img_url: must be a string", img_url="[" * 100 + "]" * 100),
    nano("a word for an address", NO_ADDRESS, img_url="fox.png"),
    nano("a path for an address", NO_ADDRESS, img_url="/etc/passwd"),
    nano("a file of the machine", NO_ADDRESS, img_url="file:///etc/passwd"),
    nano("a script for an address", NO_ADDRESS, img_url="javascript:alert(1)"),
    nano("an address of another scheme", NO_ADDRESS, img_url="ftp://example.com/fox.png"),
    nano("the data itself", "img_url: must have at most 2000 characters", img_url="data:image/png;base64," + "A" * 3000),
    nano("an address with a name and a password", NO_ADDRESS, img_url="https://ada:pw@example.com/fox.png"),
    nano("an address with a NUL", f"img_url: {NO_TEXT}", img_url=f"{ABROAD}\x00"),
    nano("an address with a port too high", NO_ADDRESS, img_url="https://example.com:99999/fox.png"),
    nano("this machine", "img_url: 127.0.0.2 is not a public address", img_url="http://127.0.0.2:1/fox.png"),
    nano("this machine, in short", f"img_url: {MORE}", img_url="http://127.1/fox.png"),
    nano("this machine, as a number", f"img_url: {MORE}", img_url="http://2130706433/fox.png"),
    nano("a neighbour, in IPv6", "img_url: fe80::1 is not a public address", img_url="http://[fe80::1]:1/fox.png"),
    nano("this machine, mapped", f"img_url: {MORE}", img_url="http://[::ffff:127.0.0.1]/fox.png"),
    nano("a cloud's own data", "img_url: 169.254.169.254 is not a public address", img_url="http://169.254.169.254/latest/"),
    nano("a house's network", "img_url: 192.168.0.1 is not a public address", img_url="http://192.168.0.1/fox.png"),
    nano("a name of the house", "img_url: db.internal is not a public address", img_url="http://db.internal/fox.png"),
    nano("a page of ours", NO_FILE, img_url="http://localhost:8000/healthz"),
    nano("an API of ours", NO_FILE, img_url="http://localhost:8000/v1/balance"),
    nano("a file of ours with a forged signature", NO_FILE, img_url="{forged_media}"),
    nano("a file of another tenant", NO_FILE, img_url="{strangers_media}"),
    nano("a file that was deleted", NO_FILE, img_url="{erased_media}"),
    nano("ours, at a port that is not", NO_FILE, img_url="http://localhost:22/v1/media/x"),
    nano("ours, as the machine calls it", NO_FILE, img_url="http://127.0.0.1:1/fox.png"),
    nano("ours, in IPv6", NO_FILE, img_url="http://[::1]:1/fox.png"),
    nano("ours, by the other field", NO_FILE, image_urls=["https://localhost:8000/x"]),
    nano("a good address and a bad one", "img_url: 10.0.0.1 is not a public address", img_url=[ABROAD, "http://10.0.0.1/"]),
    image("a picture for a model that takes none", 400, "input_image: Imagen 4.0 takes no input image", img_url=ABROAD),
    Bad("a picture that is none", f"POST {IMAGE}", 400, "input_image: not a PNG, JPEG, WebP or GIF image", form=NANO | {"input_image": b"<svg/>"}),
    Bad("a picture that is empty", f"POST {IMAGE}", 400, "input_image: the file is empty", form=NANO | {"input_image": b""}),
    Bad("a picture cut off", f"POST {IMAGE}", 400, "input_image: the file is damaged or incomplete", form=NANO | {"input_image": FOX[:-30]}),
    Bad("a picture for an unknown model", f"POST {IMAGE}", 400, "model: no such model", form=PICTURE | {"model": "none", "input_image": FOX}),
    Bad("a picture that is too large", f"POST {IMAGE}", 400, "input_image: the file is larger than 1 MB", form=NANO | {"input_image": FOX + bytes(1_100_000)}, settings={"UPLOAD_MAX_BYTES": 1_048_576}),
    image("a callback that is no address", 400, "callback_url: must be a full http or https address", callback_url="hook"),
    image("a callback of another scheme", 400, "callback_url: must be a full http or https address", callback_url="javascript:alert(1)"),
    image("a callback to this machine", 400, "callback_url: 127.0.0.1 is not a public address", callback_url="http://127.0.0.1/hook"),
    image("a callback to a cloud's own data", 400, "callback_url: 169.254.169.254 is not a public address", callback_url="http://169.254.169.254/"),
    image("a callback into the house", 400, "callback_url: localhost is not a public address", callback_url="http://localhost:8000/v1/jobs"),
    image("a list of callbacks", 400, "callback_url: must be a string", callback_url=["https://hooks.example.com"]),
    image("a callback of 2,001 characters", 400, "callback_url: must have at most 2000 characters", callback_url="https://hooks.example.com/" + "x" * 2000),
]  # fmt: skip

LIMITS = [
    of("a day", image("a day's limit", 402, "Daily limit reached. Limit: 6, Used: 4, Required: 4. Resets at 2026-03-05T00:00:00+00:00")),
    of("a week", image("a week's limit", 402, "Weekly limit reached. Limit: 6, Used: 4, Required: 4. Resets at 2026-03-09T00:00:00+00:00")),
    of("a month", image("a month's limit", 402, "Monthly limit reached. Limit: 6, Used: 4, Required: 4. Resets at 2026-04-01T00:00:00+00:00")),
    of("a life", image("a life's limit", 402, "Lifetime limit reached. Limit: 6, Used: 4, Required: 4")),
    of("a budget", image("a budget", 402, "Insufficient key balance. Required: 4, Available: 1")),
    of("a queue", image("a queue", 429, FULL)),
    of("a day", clip("a day's limit, of a clip", 402, f"Daily limit reached. Limit: 6, Used: 4, Required: 15{MORE}")),
    of("a queue", clip("a queue, of a clip", 429, FULL)),
    of("a day", Bad("a day's limit, with a file", f"POST {IMAGE}", 402, f"Daily limit reached{MORE}", form=NANO | {"input_image": FOX, "server_id": "vip1"})),
    of("pictures alone", clip("a kind that is not allowed", 403, "API key has no permission for this kind")),
    of("one model", image("a model that is not allowed", 403, "API key has no permission for this model", model="nano-banana")),
    of("one model", clip("a clip that is not allowed", 403, "API key has no permission for this model")),
    of("one model", Bad("a file for a model that is not allowed", f"POST {IMAGE}", 403, "API key has no permission for this model", form=NANO | {"input_image": FOX})),
]  # fmt: skip

_USED = "This Idempotency-Key was used for another request"
_NO_NAME = "Idempotency-Key: must have 1 to 255 visible ASCII characters"


def named(name: str, bad: Bad) -> Bad:
    return replace(bad, headers={"Idempotency-Key": name})


NAMES = [
    named("named", image("a used name for other words", 422, _USED, prompt="Other boats")),
    named("named", image("a used name for another model", 422, _USED, model="nano-banana")),
    named("named", image("a used name for another parameter", 422, _USED, speed="fast")),
    named("named", image("a used name with a callback", 422, _USED, callback_url="https://hooks.example.com/")),
    named("named", clip("a used name for a clip", 422, _USED)),
    named("named", image("a used name for what is bad anyway", 422, _USED, prompt="")),
    named("", image("an empty name", 400, _NO_NAME)),
    named("a b", image("a name with a space", 400, _NO_NAME)),
    named("x" * 256, image("a name of 256 characters", 400, _NO_NAME)),
    named("naïve", image("a name with letters of nowhere", 400, _NO_NAME)),
    named("a\tb", image("a name with a tab", 400, _NO_NAME)),
]


def job(what: str, job_id: str, **also: object) -> list[Bad]:
    """A look at it, and a stop."""
    look = Bad(what, f"GET /jobs/{job_id}", 404, NO_JOB)
    return [replace(look, **also), replace(look, line=f"POST /jobs/{job_id}/cancel", **also)]


JOBS = [
    *job("an unknown job", "job_" + "0" * 20),
    *job("a word for a job", "abc-123"),
    *job("a NUL for a job", "job_%00"),
    *job("a job of 5,000 characters", "j" * 5000),
    *job("letters of nowhere for a job", "job_%F0%9F%A6%8A"),
    *job("bytes that are no text for a job", "job_%FF"),
    *job("a job of another key of the same member", "{sibling_job}"),
    *job("a job of the owner", "{owners_job}"),
    *job("a job of another tenant", "{strangers_job}"),
    *job("a job of another key, for the owner", "{job}", who="of the owner"),
    *job("a job, for another member", "{job}", who="of another member"),
    *job("a job, for another tenant", "{job}", who="of another tenant"),
    Bad("a stop of what was stopped", "POST /jobs/{cancelled}/cancel", 400, "Job has already ended"),
]


def query(what: str, line: str, detail: str) -> Bad:
    return Bad(what, f"GET {line}", 400, detail)


QUERIES = [
    query("page none", "/dashboard/jobs?page=0", "page: Input should be greater than or equal to 1"),
    query("a page below none", "/dashboard/jobs?page=-1", "page: Input should be greater than or equal to 1"),
    query("a page too far", "/dashboard/jobs?page=100001", "page: Input should be less than or equal to 100000"),
    query("a huge page", "/dashboard/jobs?page=" + "9" * 400, f"page: {MORE}"),
    query("a word for a page", "/dashboard/jobs?page=two", f"page: Input should be a valid integer{MORE}"),
    query("half a page", "/dashboard/jobs?page=1.5", f"page: Input should be a valid integer{MORE}"),
    query("no page", "/dashboard/jobs?page=", f"page: Input should be a valid integer{MORE}"),
    query("none of them", "/dashboard/jobs?limit=0", "limit: Input should be greater than or equal to 1"),
    query("101 of them", "/dashboard/jobs?limit=101", "limit: Input should be less than or equal to 100"),
    query("a NUL of them", "/dashboard/jobs?limit=%00", f"limit: Input should be a valid integer{MORE}"),
    query("an unknown status", "/dashboard/jobs?status=running", f"status: Input should be {MORE}"),
    query("an unknown type", "/dashboard/jobs?type=audio", f"type: Input should be {MORE}"),
    query("an unknown cursor", "/dashboard/jobs?cursor=job_none", "cursor: no such job"),
    query("a NUL for a cursor", "/dashboard/jobs?cursor=%00", "cursor: no such job"),
    query("a cursor of another key", "/dashboard/jobs?cursor={sibling_job}", "cursor: no such job"),
    query("a cursor of another tenant", "/dashboard/jobs?cursor={strangers_job}", "cursor: no such job"),
    query("a cursor of 61 characters", "/dashboard/jobs?cursor=" + "x" * 61, "cursor: String should have at most 60 characters"),
    query("a word for a place", "/dashboard/credits?cursor=abc", "cursor: no such place"),
    query("a place below none", "/dashboard/credits?cursor=-5", "cursor: no such place"),
    query("a huge place", "/dashboard/credits?cursor=" + "9" * 30, "cursor: no such place"),
    query("digits of elsewhere for a place", "/dashboard/credits?cursor=%D9%A5", "cursor: no such place"),
    query("a word for a first day", "/dashboard/stats?from=yesterday", f"from: {MORE}"),
    query("a day that is none", "/dashboard/stats?to=2026-02-30", f"to: {MORE}"),
    query("days that end before they begin", "/dashboard/stats?from=2026-03-02&to=2026-03-01", f"from: {MORE}"),
    query("a first day to come", "/dashboard/stats/export?from=9999-12-31", f"from: {MORE}"),
    query("more days than ten years", "/dashboard/stats/export?from=2001-01-01", f"from: {MORE}"),
    query("days of the first year", "/dashboard/stats?from=0001-01-01&to=0001-01-02", f"from: {MORE}"),
    query("a NUL for a day", "/dashboard/stats?from=%00", f"from: {MORE}"),
    query("1,000 transactions", "/dashboard/credits?limit=1000", "limit: Input should be less than or equal to 100"),
    query("a model of 81 characters in a query", "/models/pricing?model=" + "x" * 81, "model: String should have at most 80 characters"),
    query("a server of 21 characters in a query", "/models/pricing?server_id=" + "x" * 21, "server_id: String should have at most 20 characters"),
]  # fmt: skip


def upload(what: str, detail: str, content: bytes | str, status: int = 400, **settings: object) -> Bad:
    return Bad(what, "POST /files/upload/image", status, detail, form={"file": content}, settings=settings)


def begun(what: str, detail: str, status: int = 400, path: str = "presign", **body: object) -> Bad:
    return Bad(what, f"POST /files/upload/{path}", status, detail, body=body)


def brought(what: str, detail: str, status: int = 400, **body: object) -> Bad:
    return Bad(what, "POST /files/upload-url", status, detail, body=body)


_URL = "url: must be a full http or https address"
UPLOADS = [
    Bad("no file", "POST /files/upload/image", 400, "file: required", body={}),
    Bad("a name for a file", "POST /files/upload/image", 400, "file: required", body={"file": "fox.png"}),
    upload("a text for a file", "file: required", "fox"),
    upload("an empty file", "file: the file is empty", b""),
    upload("a page", "file: not a PNG, JPEG, WebP or GIF image", b"<html><script>alert(1)</script>"),
    upload("a drawing", "file: not a PNG, JPEG, WebP or GIF image", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    upload("a program", "file: not a PNG, JPEG, WebP or GIF image", b"\x7fELF" + bytes(100)),
    upload("half a picture", "file: the file is damaged or incomplete", FOX[: len(FOX) // 2]),
    upload("a picture's beginning and nothing", f"file: {MORE}", FOX[:8]),
    upload("a picture that moves", "file: an animated image is not taken", makers.an_animation("GIF")),
    upload("a picture too wide", "file: 10000 x 10 pixels; at most 8192 on a side are taken", makers.a_png_of_zeros(10_000, 10)),
    upload("a bomb", f"file: {MORE}", makers.a_png_of_zeros(60_000, 60_000 // 8)),
    upload("a clip", f"file: not a{MORE}", b"\x00\x00\x00\x20ftypisom" + bytes(64)),
    upload("too large", "file: the file is larger than 1 MB", FOX + bytes(1_100_000), UPLOAD_MAX_BYTES=1_048_576),
    upload("a disk that is full", "file: The storage for uploads is full. Delete files first.", FOX, UPLOAD_DISK_BYTES=100),
    upload("one too many in an hour", "Too many uploads. Limit: 1 per hour.", FOX, 429, UPLOADS_PER_HOUR=1),
    begun("no file name", "filename: required"),
    begun("an empty file name", "filename: required", filename=" "),
    begun("a number for a file name", "filename: must be a string", filename=7),
    begun("a file name of 256 characters", "filename: must have at most 255 characters", filename="x" * 256),
    begun("a NUL in the file name", f"filename: {NO_TEXT}", filename="a\x00.png"),
    replace(begun("one begun too many", "Too many uploads. Limit: 1 per hour.", 429, filename="fox.png"), settings={"UPLOADS_PER_HOUR": 1}),
    begun("no upload to confirm", "upload_id: required", path="confirm"),
    begun("a number to confirm", "upload_id: must be a string", path="confirm", upload_id=5),
    begun("an unknown one to confirm", NO_UPLOAD, 404, "confirm", upload_id="up_" + "0" * 20),
    begun("a NUL to confirm", f"upload_id: {NO_TEXT}", path="confirm", upload_id="up_\x00"),
    begun("letters of nowhere to confirm", NO_UPLOAD, 404, "confirm", upload_id="up_é"),
    begun("one whose bytes never came", "No bytes have come for this upload", path="confirm", upload_id="{waiting}"),
    begun("one that is no picture", "file: not a PNG, JPEG, WebP or GIF image", path="confirm", upload_id="{junk}"),
    begun("one whose file was deleted", "This file was deleted", 404, "confirm", upload_id="{erased}"),
    begun("one of another key", NO_UPLOAD, 404, "confirm", upload_id="{sibling_upload}"),
    begun("one of another tenant", NO_UPLOAD, 404, "confirm", upload_id="{strangers_upload}"),
    Bad("how an unknown one stands", "GET /files/upload/up_none/status", 404, NO_UPLOAD),
    Bad("how a NUL stands", "GET /files/upload/%00/status", 404, NO_UPLOAD),
    Bad("how one of another key stands", "GET /files/upload/{sibling_upload}/status", 404, NO_UPLOAD),
    Bad("how one of another tenant stands", "GET /files/upload/{strangers_upload}/status", 404, NO_UPLOAD),
    brought("no address", _URL),
    brought("a word for an address", _URL, url="fox.png"),
    brought("a number for an address", "url: must be a string", url=7),
    brought("a list of addresses", "url: must be a string", url=[ABROAD]),
    brought("an address of another scheme", _URL, url="ftp://example.com/fox.png"),
    brought("this machine", "url: 127.0.0.2 is not a public address", url="http://127.0.0.2:9/fox.png"),
    brought("a cloud's own data", "url: 169.254.169.254 is not a public address", url="http://169.254.169.254/"),
    brought("a page of ours", "url: no such file", url="http://localhost:8000/v1/models"),
    brought("a file of another tenant", "url: no such file", url="{strangers_media}"),
    brought("a clip", "type: only images are taken", url=ABROAD, type="video"),
    brought("a number for a type", "type: must be a string", url=ABROAD, type=7),
    replace(brought("one address too many", "Too many uploads. Limit: 1 per hour.", 429, url=ABROAD), settings={"UPLOADS_PER_HOUR": 1}),
]  # fmt: skip


def bytes_to(what: str, line: str, status: int, detail: str, content: bytes = FOX, **settings: object) -> Bad:
    """Of an address that is signed: no key is asked for."""
    return Bad(
        what, f"PUT {line}", status, detail, raw=content, content_type="image/png", who="nobody", settings=settings
    )


def opened(what: str, line: str, status: int, detail: str = "Not found", **headers: str) -> Bad:
    return Bad(what, f"GET {line}", status, detail, who="nobody", headers=headers)


_OVER = "This address has expired"
SIGNED = [
    bytes_to("bytes for an address with a letter more", "{put_waiting}-", 404, NO_UPLOAD),
    bytes_to("bytes for a forged address", "/files/upload/{waiting}/9999999999." + "a" * 22, 404, NO_UPLOAD),
    bytes_to("bytes for a word", "/files/upload/{waiting}/now", 404, NO_UPLOAD),
    bytes_to("bytes for an unknown upload", "/files/upload/up_none/9999999999." + "a" * 22, 404, NO_UPLOAD),
    bytes_to("bytes for an address that is over", "{put_late}", 410, f"{_OVER}{MORE}"),
    bytes_to("bytes for an upload that was confirmed", "{put_ready}", 400, "This upload has ended"),
    bytes_to("bytes for an upload that failed", "{put_junk}", 400, "This upload has ended"),
    bytes_to("no bytes", "{put_waiting}", 400, "the file is empty", b""),
    bytes_to("too many bytes", "{put_waiting}", 400, "the file is larger than 1 MB", bytes(1_100_000), UPLOAD_MAX_BYTES=1_048_576),
    bytes_to("bytes for a full disk", "{put_waiting}", 400, "The storage for uploads is full. Delete files first.", UPLOAD_DISK_BYTES=10),
    Bad("a key at an address for bytes, to read it", "GET {put_waiting}", 405, "Method not allowed"),
    opened("a forged address of a file", "{forged_path}", 404),
    opened("another variant of a signed file", "{other_variant}", 404),
    opened("an address of no file", "/media/file_none/9999999999." + "a" * 22 + "/original.png", 404),
    opened("a path up the tree", "/media/..%2f..%2fetc/1." + "a" * 22 + "/passwd", 404),
    opened("a file that was deleted", "{erased_path}", 410, "This file was deleted"),
    opened("an address of a file that is over", "{late_path}", 410, f"{_OVER}{MORE}"),
    Bad("a file, to change it", "POST {owners_media}", 405, "Method not allowed"),
    Bad("a file, to delete it", "DELETE {owners_media}", 405, "Method not allowed"),
]  # fmt: skip

METHODS = [
    *(
        Bad(f"{method} of {path}", f"{method} {path}", 405, "Method not allowed")
        for path, methods in {
            IMAGE: ("GET", "PUT", "DELETE", "OPTIONS"),
            VIDEO: ("GET", "PATCH"),
            "/jobs/{job}": ("POST", "DELETE"),
            "/jobs/{job}/cancel": ("GET", "DELETE"),
            "/models": ("POST", "HEAD"),
            "/models/pricing": ("PUT",),
            "/limits": ("POST",),
            "/balance": ("DELETE", "TRACE"),
            "/dashboard/me": ("POST",),
            "/dashboard/jobs": ("DELETE",),
            "/dashboard/credits": ("POST",),
            "/dashboard/stats": ("POST",),
            "/dashboard/stats/export": ("PUT",),
            "/files/upload/image": ("GET", "PUT"),
            "/files/upload/presign": ("GET",),
            "/files/upload/confirm": ("PUT",),
            "/files/upload-url": ("GET",),
            "/files/upload/{ready}/status": ("POST",),
        }.items()
        for method in methods
    ),
    *(
        Bad(f"{path} is not there", f"GET {path}", 404, "Not found")
        for path in ("", "/", "/nothing", "/jobs", "/models/", "/image/generate/", "/../admin/", "/%00", "/v1/balance")
    ),
]

ALL = {
    "doors": DOORS,
    "bodies": BODIES,
    "pictures": PICTURES,
    "clips": CLIPS,
    "inputs": INPUTS,
    "limits": LIMITS,
    "names": NAMES,
    "jobs": JOBS,
    "queries": QUERIES,
    "uploads": UPLOADS,
    "signed addresses": SIGNED,
    "methods": METHODS,
}
