"""The library in the page is what its sources make, and nothing in the page fetches, evaluates or collides."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.inspect.kit import NODE, ROOT
from user_miner.inspect.files import PAGE, joined

COMMAND = "esbuild entry.mjs --bundle --minify --format=iife --global-name=preact --target=es2022 --legal-comments=none"


def _bundle(text: str) -> str:
    """The lines that the docs give: what entry.mjs holds, and the command."""
    found = re.search(r"```js\n// entry.mjs\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_bundle_is_what_the_documented_command_makes(tmp_path: Path) -> None:
    """Byte for byte, from the packages of the documented versions."""
    docs = (ROOT / "docs" / "operators" / "inspector.md").read_text("utf-8")
    assert COMMAND in " ".join(docs.split())
    for package in ("preact", "htm", "esbuild"):
        version = re.search(rf"{package}@([\d.]+)", docs)
        assert version is not None
        assert f'"version": "{version[1]}"' in (NODE / package / "package.json").read_text("utf-8")
    (tmp_path / "entry.mjs").write_text(_bundle(docs), "utf-8")
    (tmp_path / "node_modules").symlink_to(NODE)
    command = [str(NODE / ".bin" / "esbuild"), *COMMAND.split()[1:]]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    assert made == (PAGE / "preact.js").read_bytes()


def test_the_licences_lie_beside_it() -> None:
    """Whole, as the packages have them."""
    told = (PAGE / "preact.LICENSES.txt").read_text("utf-8")
    for package in ("preact", "htm"):
        assert (NODE / package / "LICENSE").read_text("utf-8").strip() in told


def test_nothing_is_evaluated_and_no_markup_is_written() -> None:
    """By what the page's own files say; the browser holds them to it."""
    for path in PAGE.glob("*.js"):
        text = path.read_text("utf-8")
        assert not re.search(
            r"\beval\(|new Function|innerHTML\s*=[^=]|document\.write|https?://(?!www\.w3\.org)", text
        ) or (path.name == "preact.js")
        assert "</script" not in text


def test_modules_can_stand_in_one_script() -> None:
    """No two of them name a thing alike, and no import or export is left."""
    text = joined()
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names))
    assert not re.search(r"^(import|export) ", text, re.MULTILINE)
    assert {path.stem for path in PAGE.glob("*.js")} - {"preact"} == {
        *re.findall(r"\./(\w+)\.js", "".join(path.read_text("utf-8") for path in PAGE.glob("*.js"))),
        "app",
    }
