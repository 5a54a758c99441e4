"""Reading everything again."""

from nix import Nix
from row import Row, Work, once, run

COUNT, SIZE = 4096, 256 * 1024


class Verify(Row):
    name = "verify"
    work = "verify --full of 1 GB, 4,096 files"
    peer = "`nix-store --verify --check-contents`"
    aim = "≥ 3"
    needs = ("nix-store",)

    def parts(self, tools, inputs):
        made = once(inputs / f"files-{COUNT}-{SIZE}", lambda at: run(tools.make, "files", at, COUNT, SIZE))
        return sorted(made.iterdir())

    def prepare(self, tools, inputs):
        self.parts(tools, inputs)

    def ours(self, tools, inputs, directory):
        store = directory / "store"
        run(tools.store, "--store", store, "add", *self.parts(tools, inputs))
        command = [tools.store, "--store", store, "verify", "--full"]
        some = max((store / "objects").glob("*/*"), key=lambda path: path.stat().st_size)

        def check():
            some.chmod(0o644)
            with open(some, "r+b") as file:
                file.write(b"other")
            try:
                said = run(*command)
            except RuntimeError:
                return
            raise AssertionError(said)

        return Work([command], check=check)

    def theirs(self, tools, inputs, directory):
        nix = Nix(directory)
        nix.run("nix-store", "--add", *self.parts(tools, inputs))
        return Work([["nix-store", "--verify", "--check-contents"]], nix.environment)


ROWS = [Verify()]
