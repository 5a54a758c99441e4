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


def cargo(*arguments):
    """Paths of the executables that cargo built, by the name of their target."""
    command = ["cargo", *arguments, "--locked", "--message-format=json"]
    said = subprocess.run(command, cwd=TOP, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = map(json.loads, said.splitlines())
    return {m["target"]["name"]: Path(m["executable"]) for m in messages if m.get("executable")}


def build():
    built = cargo("build", "--release", "--bin", "store")
    made = cargo("bench", "--bench", "make", "--no-run")
    return Tools(store=built["store"], make=made["make"])
