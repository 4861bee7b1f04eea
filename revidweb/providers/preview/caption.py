"""The strip in the corner that says what the picture is: a preview, and of which words."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from .sizes import Size

# Not translated: it is drawn where no page's language is known, and drawn again it must be the same bytes.
MARK = "Preview - not AI"
_MOST_WORDS = 7
_GROUND, _BRIGHT, _SOFT = (12, 14, 20, 150), (255, 255, 255, 242), (255, 255, 255, 178)
_SMOOTH = 4  # corners are drawn this much larger


def lay(canvas: Image.Image, strip: Image.Image) -> None:
    """Put the strip into the lower left corner."""
    margin = _margin(canvas.size)
    canvas.paste(strip, (margin, canvas.height - margin - strip.height), strip)


def strip(prompt: str, size: Size) -> Image.Image:
    """The caption for a picture of this size: the mark, then as many of the prompt's first words as fit."""
    font = _font(max(round(min(size) * 0.026), 11))
    pad = round(font.size * 0.75)
    room = size[0] - 2 * _margin(size) - 3 * pad - _width(font, MARK)
    words = _fitting(prompt, font, room)
    width = 2 * pad + _width(font, MARK) + (pad + _width(font, words) if words else 0)
    ground = _pill((width, round(font.size * 2.0)))
    pen, middle = ImageDraw.Draw(ground), ground.height / 2
    pen.text((pad, middle), MARK, _BRIGHT, font, anchor="lm")
    pen.text((2 * pad + _width(font, MARK), middle), words, _SOFT, font, anchor="lm")
    return ground


def _fitting(prompt: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """The prompt's first words that the font can draw, cut to the room with an ellipsis."""
    told = [word for word in prompt.split()[: 3 * _MOST_WORDS] if all(_can_draw(font, letter) for letter in word)]
    for count in range(min(len(told), _MOST_WORDS), 0, -1):
        text = " ".join(told[:count]).rstrip(",.;:") + ("…" if count < len(told) else "")
        if _width(font, text) <= room:
            return text
    return ""


@lru_cache(maxsize=4096)
def _can_draw(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether the font has it: what it lacks comes out as its box for nothing."""
    return bytes(font.getmask(letter)) != bytes(font.getmask("\U0010fffd"))


def _pill(size: Size) -> Image.Image:
    large = Image.new("L", (size[0] * _SMOOTH, size[1] * _SMOOTH))
    box = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, large.height * 0.3, fill=_GROUND[3])
    ground = Image.new("RGBA", size, _GROUND)
    ground.putalpha(large.resize(size, Image.Resampling.BOX))
    return ground


@lru_cache(maxsize=32)
def _font(height_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(height_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("Pillow was built without FreeType")
    return font


def _width(font: ImageFont.FreeTypeFont, text: str) -> int:
    return round(font.getlength(text))


def _margin(size: Size) -> int:
    return round(min(size) * 0.028)
