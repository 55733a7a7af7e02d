"""The page's own files, and the one file that a report makes of them. Nothing is fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

__all__ = ["PAGE", "joined", "one_file"]

PAGE: Final = Path(__file__).parent / "page"
_IMPORT: Final = re.compile(r'^import \{[^}]*\} from "\./([a-z]+)\.js";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|const|let|class) )", re.MULTILINE)


def joined(first: str = "app") -> str:
    """All modules as one script, each behind those that it imports; no two of them name a thing alike."""
    done: dict[str, str] = {}

    def add(name: str) -> None:
        if name in done:
            return
        text = (PAGE / f"{name}.js").read_text("utf-8")
        done[name] = ""  # a circle ends here
        for needed in _IMPORT.findall(text):
            add(needed)
        del done[name]
        done[name] = _EXPORT.sub("", _IMPORT.sub("", text))

    add(first)
    return '"use strict";\n(() => {\n' + "".join(done.values()) + "})();\n"


def one_file(blocks: dict[str, bytes]) -> str:
    """The page with data in it: blocks of deflated JSON by name, which the browser inflates when it needs them."""
    scripts = [(PAGE / "preact.js").read_text("utf-8"), joined()]
    style = (PAGE / "style.css").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_digest, scripts))}; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    data = "".join(
        f'<script type="application/x-deflate" id="data-{name}">{base64.b64encode(block).decode()}</script>\n'
        for name, block in blocks.items()
    )
    page = (PAGE / "index.html").read_text("utf-8")
    head, rest = page.split("<!-- files -->\n")[0], page.split("<!-- /files -->\n")[1]
    return (
        f'{head}<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>\n'
        + rest.replace("<!-- data -->\n", data + "".join(f"<script>{text}</script>\n" for text in scripts))
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
