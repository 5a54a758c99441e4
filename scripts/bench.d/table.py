"""scripts/bench.md: read, one row replaced, written."""

import datetime
import os
import platform
import re
from pathlib import Path

import rows

FILE = Path(__file__).resolve().parents[1] / "bench.md"

INTRODUCTION = """\
# Speed, beside others

Written by `scripts/bench`, which repeats it. Times are medians; both sides ran in turn, in one run of the script,
on a fresh file system each time, and both end with `sync -f`. The ratio is the peer's time by ours.
CPU is user and system time; memory is what the largest process held. Ours first, then the peer's.
Rows of what is kept have bytes in place of seconds, and there the ratio is ours by the peer's.

"""
FIGURES = "| row | work | peer | ratio | aim | seconds | CPU seconds | memory, MB |\n|---|---|---|---|---|---|---|---|\n"
MISSED = """
## What is missed, and why

{}"""
CONDITIONS = "\n## What was run\n\n| row | when, where | ours | the peer |\n|---|---|---|---|\n"


def machine(ordinary):
    """The processor, the memory and the kernel: what a time depends on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    where = "tmpfs" if os.geteuid() == 0 else "a directory"
    who = ", as an ordinary user" if ordinary else ""
    return f"{os.cpu_count()} × {model}, {memory:.0f} GB, Linux {platform.release()}, on {where}{who}"


def both(sides, show):
    return " / ".join(show(side) for side in sides.values())


def seconds(value):
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def cell(text):
    return text.replace("|", "\\|")


def lines_of(row, sides):
    """The row's line in each of the two tables."""
    ours, theirs = sides["ours"], sides.get("theirs")
    ratio = f"**{theirs.seconds / ours.seconds:.1f}**" if theirs else "–"
    if ours.kept and theirs:
        kept = both(sides, lambda s: f"{s.kept / 1e6:.0f} MB")
        what = [f"**{ours.kept / theirs.kept:.2f}**", row.aim, kept, "–", "–"]
        figures = [f"`{row.name}`", row.work, row.peer, *what]
    else:
        figures = timed(row, sides, ratio)
    when = f"{datetime.date.today()}, {ours.runs} runs, {machine(row.ordinary)}"
    conditions = [f"`{row.name}`", when, f"`{ours.commands}`", f"`{theirs.commands}`" if theirs else "–"]
    return ["| " + " | ".join(map(cell, cells)) + " |" for cells in (figures, conditions)]


def timed(row, sides, ratio):
    return [
        f"`{row.name}`",
        row.work,
        row.peer or "–",
        ratio,
        row.aim,
        both(sides, lambda s: seconds(s.seconds)),
        both(sides, lambda s: seconds(s.cpu)),
        both(sides, lambda s: f"{s.memory / 1e6:.0f}"),
    ]


def read():
    """By row, its lines in the two tables."""
    lines = {}
    if FILE.exists():
        for line in FILE.read_text().splitlines():
            if named := re.match(r"\| `([^`]+)` \|", line):
                lines.setdefault(named[1], []).append(line)
    return {name: pair for name, pair in lines.items() if len(pair) == 2}


def update(row, sides):
    """Replaces one row, and keeps the others that still exist."""
    lines = read()
    lines[row.name] = lines_of(row, sides)
    write(lines)


def write(lines):
    known = [lines[row.name] for row in rows.every() if row.name in lines]
    figures, conditions = ("".join(f"{pair[n]}\n" for pair in known) for n in (0, 1))
    short = "".join(f"* `{row.name}`: {row.short}\n" for row in rows.every() if missed(row, lines))
    FILE.write_text(INTRODUCTION + FIGURES + figures + (short and MISSED.format(short)) + CONDITIONS + conditions)


def missed(row, lines):
    """Whether the measured ratio is not what the row aims at, and the row says why."""
    cells = lines[row.name][0].split(" | ") if row.name in lines else []
    aim = re.fullmatch(r"≥ ([\d.]+)", row.aim)
    return bool(row.short and cells and aim) and float(cells[3].strip("*")) < float(aim[1])
