import ast
from pathlib import Path

import pytest

import revidweb
from revidweb.lib.refusal import Refusal
from revidweb.web import wording

SOURCES = sorted(Path(revidweb.__file__).parent.rglob("*.py"))


def codes(source):
    """Every code that the file refuses with: Refusal("…"), or super().__init__("…") in a Refusal's subclass."""
    tree = ast.parse(source.read_text())
    subclasses = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Refusal" for base in node.bases)
    ]
    inside = [call for node in subclasses for call in calls(node, "__init__")]
    return {call.args[0].value for call in [*calls(tree, "Refusal"), *inside] if is_text(call)}


def calls(tree, name):
    named = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call for call in named if name in (getattr(call.func, "id", ""), getattr(call.func, "attr", ""))]


def is_text(call):
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_refusal_has_its_sentence(source):
    assert codes(source) <= set(wording.SENTENCES)


def test_codes_are_found_at_all():
    found = set().union(*map(codes, SOURCES))
    assert {"last_owner", "not_enough_credits"} <= found


def test_numbers_have_separators_and_choose_the_plural():
    assert "12,480 characters" in wording.of(Refusal("name_too_long", most=12_480))
    assert "1 character." in wording.of(Refusal("name_too_long", most=1))
