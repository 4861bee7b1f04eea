"""RevidAPI, the main upstream: its "AI Studio" contract, read tolerantly, since several hosts and versions serve it."""
