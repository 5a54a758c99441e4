"""Collecting what nothing keeps alive."""

import shutil

from nix import Nix
from row import Row, Work, once, run


def entries(tools, inputs, count):
    """Directories of one file each, as many as there are to be entries."""
    return once(inputs / f"outputs-{count}", lambda at: run(tools.make, "outputs", at, count))


class Dead(Row):
    """Entries of one small file each, none of them kept."""

    def __init__(self, count, peer, aim):
        self.count = count
        self.peer = peer
        self.aim = aim

    def prepare(self, tools, inputs):
        entries(tools, inputs, self.count)

    def ours(self, tools, inputs, directory):
        store = directory / "store"
        run(tools.make, "dead", store, self.count)

        def check():
            said = run(tools.store, "--store", store, "gc")
            assert "nothing to free" in said, said

        return Work([[tools.store, "--store", store, "gc"]], check=check)


class DeadNix(Dead):
    name = "gc"
    needs = ("nix-store",)

    def __init__(self, count, aim):
        super().__init__(count, "`nix-store --gc`", aim)
        self.work = f"gc of {count:,} dead entries"

    def theirs(self, tools, inputs, directory):
        nix = Nix(directory)
        dead = sorted(entries(tools, inputs, self.count).iterdir())
        for start in range(0, len(dead), 1000):
            nix.run("nix-store", "--add", *dead[start : start + 1000])

        def check():
            left = [path for path in nix.store.iterdir() if path.name != ".links"]
            assert not left, left[:3]

        return Work([["nix-store", "--gc"]], nix.environment, check)


class DeadRm(Dead):
    name = "gc-rm"

    def __init__(self, count, aim):
        super().__init__(count, "`rm -rf`", aim)
        self.work = f"gc of {count:,} dead entries, beside the removal of as many files"

    def theirs(self, tools, inputs, directory):
        copy = directory / "outputs"
        shutil.copytree(entries(tools, inputs, self.count), copy)
        return Work([["rm", "-rf", copy]])


ROWS = [DeadNix(10_000, "≥ 2.5"), DeadRm(10_000, "≥ 1")]
