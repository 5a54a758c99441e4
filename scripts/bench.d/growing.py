"""One package that nothing needs has changed: what is made again, and what a second generation of everything takes."""

import json
import re
import shlex
import time
from collections import Counter, defaultdict
from pathlib import Path

import leaf
import staging
import table
from composing import Corpus
from row import Work, once, run

FILE = Path(__file__).resolve().parents[1] / "leaf.md"

NAMES = ["edition", "host", "image", "layered", "disc", "everything"]

INTRODUCTION = """\
# One leaf package changed

Written by `scripts/bench leaf`. The corpus is realized as an edition, a tree, an image of up to 64 layers, an image
layered on that, an installer with the edition and the tree on it, and a compose of all of these. Then one package
that nothing needs, `{name}`, is updated, with every one of its files changed, and everything is realized again.
It is in the edition, the tree and the image; not in what the installer runs.

{when}.

"""


class Leaf(Corpus):
    name = "leaf"
    work = "edition, tree, image, layered image, installer and compose of the corpus, after one leaf package changed"
    peer = ""
    aim = "grows by ≤ 1.2 × the package and its files"
    needs = ("rpm", "rpmbuild", "rpm2cpio", "cpio")

    def __init__(self):
        pass

    def prepare(self, tools, inputs):
        super().prepare(tools, inputs)
        self.first(tools, inputs)

    def first(self, tools, inputs):
        """A store with the first generation of everything."""

        def make(at):
            at.mkdir()
            staging.recipes(at, self.rpms, inputs, self.manifest())
            said = run(*self.realizing(tools, at, 1))
            (at / "first.json").write_text(said)

        return once(inputs / "leaf-first", make)

    def realizing(self, tools, at, number):
        ask = [tools.store, "--store", at / "store", "--recipes", at / f"recipes-{number}", "-q", "realize"]
        return [*ask, *NAMES, "--json", "--explain"]

    def ours(self, tools, inputs, directory):
        first = self.first(tools, inputs)
        _, after = leaf.releases(self.rpms, inputs)
        run("cp", "-a", first / "recipes-2", first / "store", directory)
        run(tools.store, "--store", directory / "store", "gc")
        grown = Grown(directory / "store")
        said = directory / "second.json"
        command = self.realizing(tools, directory, 2)
        shell = f"{shlex.join(map(str, command))} > {shlex.quote(str(said))}"

        def check():
            report = json.loads(said.read_text())
            assert report["steps"]["failed"] == 0, report["failures"]
            first_report = json.loads((first / "first.json").read_text())
            write(first_report, report, grown, leaf.size(after), tools)

        return Work([["sh", "-c", shell]], check=check)


class Grown:
    """Bytes on disk of a store's parts, each file once, and how they change."""

    PARTS = ("objects", "traces", "roots", "entries", "db.sqlite")

    def __init__(self, store):
        self.store = store
        self.before = self.sizes()
        self.files = self.objects()

    def sizes(self):
        said = run("du", "-s", "--block-size=1", *(self.store / part for part in self.PARTS))
        return dict(zip(self.PARTS, (int(line.split()[0]) for line in said.splitlines())))

    def objects(self):
        return {path.name: path.stat().st_blocks * 512 for path in (self.store / "objects").glob("*/*")}

    def change(self):
        now = self.sizes()
        return {part: now[part] - self.before[part] for part in self.PARTS}

    def new(self):
        """New objects by what they are: blobs by their size, records by their kind."""
        found = Counter()
        for name, size in self.objects().items():
            if name not in self.files:
                found["blobs" if "." not in name else name.split(".", 1)[1]] += size
        return found


def write(first, second, grown, size, tools):
    done = defaultdict(Counter)
    seconds = defaultdict(float)
    remade = []
    for step in second["explained"]:
        kind, subject = step["step"].split(" ", 1)
        status = "remade" if step["status"] in ("composed", "fetched") else step["status"]
        done[kind][status] += 1
        seconds[kind] += step["seconds"]
        if status == "remade":
            remade.append((kind, subject, step["seconds"]))
    change, new = grown.change(), grown.new()
    run(tools.store, "--store", grown.store, "gc")
    after = grown.change()
    lines = ["| kind of step | remade | cut off | reused | seconds |", "|---|---|---|---|---|"]
    for kind, counts in done.items():
        counted = (counts["remade"], counts["cut off"], counts["reused"])
        lines.append(f"| {kind} | {' | '.join(map(str, counted))} | {seconds[kind]:.2f} |")
    total = Counter()
    for counts in done.values():
        total.update(counts)
    lines.append(f"| all | {total['remade']} | {total['cut off']} | {total['reused']} | {second['seconds']:.2f} |")
    lines += ["", f"The first time all of it took {first['seconds']:.1f} s. Remade now:", ""]
    lines += ["| step | seconds |", "|---|---|"]
    lines += [f"| {kind} {re.sub('-6.1-2.*', '', subject)} | {took:.2f} |" for kind, subject, took in remade]
    kept, stays = (sum(at[part] for part in ("objects", "traces", "roots")) for at in (change, after))
    lines += [
        "",
        f"The package and its files are {megabytes(size)}. The second generation of everything takes",
        f"**{megabytes(kept)}** in objects and records, **{kept / size:.2f}** times as much:",
        ", ".join(f"{what} {megabytes(bytes)}" for what, bytes in sorted(new.items())) + ".",
        f"After `store gc`, which keeps both generations and what the newer is made from, {megabytes(stays)} are left:",
        f"**{stays / size:.2f}** times as much. The index grows by {megabytes(change['db.sqlite'])}.",
        f"Below `entries/` links, the disc and archives of the images take {megabytes(change['entries'])} more,",
        f"and after `store gc`, which takes those of the first generation away, {megabytes(after['entries'])}.",
    ]
    when = f"{time.strftime('%Y-%m-%d')}, {table.machine()}"
    FILE.write_text(INTRODUCTION.format(name=leaf.NAME, when=when) + "\n".join(lines) + "\n")


def megabytes(size):
    return f"{size / 1e6:.1f} MB"


ROWS = [Leaf()]
