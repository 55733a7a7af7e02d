"""What is loaded before it is needed: nothing. Import sets, for times depend on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.patience import GIVE_UP_S
from tests.world import World

# Prints the packages outside the standard library at that moment, in one line.
_SHOW: Final = """
import sys
def show():
    names = {name.partition(".")[0] for name, module in list(sys.modules.items()) if module is not None}
    known = {*sys.stdlib_module_names, "__main__", "__mp_main__", "_virtualenv", "_distutils_hack"}
    print("loaded:", *(name for name in names - known if not name.startswith(("__editable", "_sysconfigdata"))))
"""
_CALL: Final = """
from user_miner.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    show()
"""
# The miner asks a server in this very process, which looks around at the first question and ends it.
_RUN: Final = """
import os, signal, socket, threading
def answer(server):
    connection, _ = server.accept()
    show()
    os.kill(os.getpid(), signal.SIGTERM)
    connection.close()
server = socket.create_server(("127.0.0.1", 0))
os.environ["MINER_API_URL"] = f"http://127.0.0.1:{server.getsockname()[1]}"
threading.Thread(target=answer, args=(server,), daemon=True).start()
from user_miner.cli import main
main(["run"])
"""
_TYPER: Final = {"annotated_doc", "shellingham", "typer", "typing_extensions"}
_PYDANTIC: Final = {"annotated_types", "pydantic", "pydantic_core", "typing_inspection"}  # of typer, too
# What keeps the journal, checks settings, signs, and asks the API. None of it is heavy.
_RUNNING: Final = {
    *{"actor", "audit", "bittensor_core", "dotenv", "events", "msgspec", "orjson", "six", "transitions", "user_miner"},
    *{"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "sniffio"},
}


def loaded(program: str, *arguments: str, env: dict[str, str], folder: Path) -> set[str]:
    """The packages that a fresh process shows."""
    command = [sys.executable, "-c", _SHOW + program, *arguments]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=GIVE_UP_S, check=False)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("loaded: ")]
    return set(line.split()[1:])


def test_help_loads_the_command_line_only(world: World) -> None:
    """The program's: typer, and no command; a command's has its own file, and nothing heavy."""
    found = loaded(_CALL, "--help", env=world.env(), folder=world.folder)
    assert found <= {"user_miner", *_TYPER}
    found = loaded(_CALL, "run", "--help", env=world.env(), folder=world.folder)
    assert found <= _RUNNING | _TYPER | _PYDANTIC


def test_a_run_loads_no_heavy_library_before_its_first_question(world: World) -> None:
    """Neither the LLM's client nor X's, no bittensor SDK, no terminal library: they come when they are needed."""
    (world.folder / ".miner_env").write_text("NETUID=45\n")
    found = loaded(_RUN, env=world.env(), folder=world.folder)
    assert found <= _RUNNING | _TYPER | _PYDANTIC
    assert {"httpx", "pydantic", "dotenv"} <= found, "the test looked too early"


def test_a_simulation_loads_no_server_and_no_client(world: World) -> None:
    """It runs where the packages of the extra ``sandbox`` are not installed."""
    found = loaded(_CALL, "simulate", "--seeds", "1", "--windows", "2", env=world.env(), folder=world.folder)
    assert found <= _RUNNING | _TYPER | _PYDANTIC | {"sandbox"}
    assert "httpx" not in found
