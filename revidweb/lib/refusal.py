"""A 'no' to the caller, as a value: a code and the numbers behind it, never a sentence."""

from typing import Any


class Refusal(Exception):
    """The asked thing is not done, and nothing was written.

    code: a stable word such as "not_enough_credits"; the web turns it into a sentence, the API into a status.
    field: the form field that it concerns, "" for the whole form.
    facts: the numbers and names behind it, for the sentence.
    """

    def __init__(self, code: str, *, field: str = "", **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.code} {self.facts}" if self.facts else self.code
