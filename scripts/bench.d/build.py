"""The programs that are measured or used, built for release."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target"))


@dataclass(frozen=True)
class Tools:
    """Our program, and the one that makes what it is measured on (tests/bench)."""

    store: Path
    make: Path


def build():
    """One call of cargo for both, so that they share the library."""
    command = ["cargo", "build", "--release", "--locked", "--bin", "store", "--bench", "make"]
    command.append("--message-format=json-render-diagnostics")
    said = subprocess.run(command, cwd=TOP, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = map(json.loads, said.splitlines())
    built = {m["target"]["name"]: Path(m["executable"]) for m in messages if m.get("executable")}
    return Tools(store=built["store"], make=built["make"])
