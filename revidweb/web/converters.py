"""Words of a path."""


class PlaceConverter:
    """Where somebody is: `t/<slug>` in a tenant, `key` with nothing but a key. Its value: the slug, "" for a key."""

    regex = r"t/[-a-zA-Z0-9_]+|key"

    def to_python(self, value: str) -> str:
        """The slug of the tenant; "" where the key says which tenant it is."""
        return value.removeprefix("t/") if value.startswith("t/") else ""

    def to_url(self, value: str) -> str:
        """The path's beginning."""
        return f"t/{value}" if value else "key"
