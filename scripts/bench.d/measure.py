"""One run, timed; and both sides of a row in turn."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from row import AS_NOBODY, NOBODY


@dataclass(frozen=True)
class Run:
    """Seconds by the clock and of CPU (user and system), and the most memory that a process of it held, in bytes."""

    seconds: float
    cpu: float
    memory: int
    kept: int = 0


@dataclass(frozen=True)
class Measured:
    """The medians of one side."""

    seconds: float
    cpu: float
    memory: int
    kept: int
    runs: int
    commands: str

    @staticmethod
    def of(runs, commands):
        def middle(of):
            return statistics.median(of(run) for run in runs)

        middles = [middle(of) for of in (lambda r: r.seconds, lambda r: r.cpu, lambda r: r.memory, lambda r: r.kept)]
        return Measured(*middles, len(runs), commands)


class Place:
    """Where a row works: inputs that are made once and kept, and a fresh file system for each run."""

    def __init__(self, at, row):
        self.inputs = at / "inputs"
        self.runs = at / "runs"
        self.row = row
        self.inputs.mkdir(parents=True, exist_ok=True)
        self.runs.mkdir(exist_ok=True)

    @contextmanager
    def fresh(self):
        """A directory without a past."""
        number = sum(1 for _ in self.runs.iterdir())
        directory = self.runs / f"{self.row}-{number}-{os.getpid()}"
        directory.mkdir()
        if os.geteuid() != 0:
            # Kept until all is over: on ext4 files made soon after many were deleted are slow to make.
            yield directory
            return
        options = ["-o", "size=90%,mode=755"]
        subprocess.run(["mount", "-t", "tmpfs", *options, "store-bench", directory], check=True)
        try:
            yield directory
        finally:
            subprocess.run(["umount", directory], check=True)
            directory.rmdir()

    def kind(self):
        return "a tmpfs a run" if os.geteuid() == 0 else "a new directory a run"


class Failed(Exception):
    pass


def timed(commands, directory, environment, log):
    """Runs commands one after the other, and syncs their file system; the sync is part of the time."""
    environment = {**os.environ, **{key: str(value) for key, value in environment.items()}}
    subprocess.run(["sync", "-f", directory], check=True)
    commands = [[str(part) for part in command] for command in [*commands, ["sync", "-f", directory]]]
    timing = [sys.executable, "-S", Path(__file__).with_name("timing.py")]
    work = json.dumps({"commands": commands, "log": str(log)})
    said = subprocess.run(timing, input=work, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    used = json.loads(said.stdout)
    if used["failed"]:
        number, status = used["failed"]
        raise Failed(f"{' '.join(commands[number])[:200]} ended with {status}; see {log}")
    return Run(used["seconds"], used["cpu"], used["memory"])


def as_nobody(commands, directory):
    """The same commands as an ordinary user runs them, who owns the directory that they work in."""
    if os.geteuid() != 0:
        return commands
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", directory], check=True)
    return [[*AS_NOBODY, *command] for command in commands]


def side(row, which, tools, place):
    """One run of one side. Returns it, and the commands as text."""
    with place.fresh() as directory:
        work = getattr(row, which)(tools, place.inputs, directory)
        commands = as_nobody(work.commands, directory) if row.ordinary else work.commands
        run = timed(commands, directory, work.environment, place.inputs / f"{row.name}.{which}.log")
        work.check()
        if work.keeps is not None:
            said = subprocess.run(["du", "-s", "--block-size=1", work.keeps], check=True, stdout=subprocess.PIPE)
            run = replace(run, kept=int(said.stdout.split()[0]))
        return run, work.text(directory, place.inputs)


def measure(row, tools, place, count):
    """Both sides in turn, so that what else the machine does meets both. Keyed by `ours` and `theirs`."""
    row.prepare(tools, place.inputs)
    sides = ["ours", "theirs"] if row.peer else ["ours"]
    runs, texts = {which: [] for which in sides}, {}
    for number in range(count):
        for which in sides:
            run, texts[which] = side(row, which, tools, place)
            runs[which].append(run)
            figure = f"{run.kept / 1e6:.0f} MB" if run.kept else f"{run.seconds:.3f} s"
            print(f"  {number + 1}/{count} {which}: {figure}", file=sys.stderr)
    if os.geteuid() != 0:
        shutil.rmtree(place.runs)
    return {which: Measured.of(runs[which], texts[which]) for which in sides}
