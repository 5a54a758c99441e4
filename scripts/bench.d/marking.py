"""Finding out what is alive, in a store of the size of a build farm's."""

from row import Row, Work, once, run


class Mark(Row):
    """All entries are alive, each through references and as the input of steps: the most that marking can meet."""

    name = "gc-mark"
    aim = "≤ 2 s, ≤ 500 MB"

    def __init__(self, count):
        self.count = count
        self.work = f"gc --dry-run of {count:,} live entries with {10 * count:,} edges"

    def prepare(self, tools, inputs):
        self.store(tools, inputs)

    def store(self, tools, inputs):
        return once(inputs / f"graph-{self.count}", lambda at: run(tools.make, "graph", at, self.count))

    def ours(self, tools, inputs, directory):
        command = [tools.store, "--store", self.store(tools, inputs), "gc", "--dry-run"]

        def check():
            said = run(*command)
            assert f"{self.count} entries kept" in said.replace(",", ""), said

        return Work([command], check=check)


ROWS = [Mark(1_000_000)]
