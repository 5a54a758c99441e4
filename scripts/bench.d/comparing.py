"""What differs between two artifacts."""

import hashlib

from inputs import edition_of_rpms, names, packages
from nix import Nix
from row import Row, Work, once, run

# Nix's base 32.
DIGITS = "0123456789abcdfghijklmnpqrsvwxyz"


def nix_path(store, name):
    digest = hashlib.sha256(name.encode()).digest()
    return f"{store}/{''.join(DIGITS[byte % 32] for byte in digest[:32])}-{name}"


def registration(path, references):
    """A path as `nix-store --load-db` reads it."""
    digest = hashlib.sha256(path.encode()).hexdigest()
    return "\n".join([path, digest, "4096", "", str(len(references)), *references, ""])


class Diff(Row):
    """Both sides know of the packages what their indexes say; nobody reads a package."""

    needs = ("nix", "nix-store")
    short = (
        "of a twentieth of a second more than a quarter goes by while the kernel clears memory that is touched for the first"
        " time; where that is quicker, the ratio was 6.8."
    )

    def __init__(self, name, count, changed, aim):
        self.name = name
        self.count, self.changed = count, changed
        self.work = f"diff of two editions of {count:,} packages, {changed} changed"
        self.peer = "`nix store diff-closures` of as many paths"
        self.aim = aim

    def prepare(self, tools, inputs):
        self.editions(tools, inputs)
        self.closures(inputs)

    def editions(self, tools, inputs):
        """A store with two generations of the edition."""

        def make(at):
            for rpms in packages(tools, inputs, self.count), packages(tools, inputs, self.count, self.changed):
                recipes = at / rpms.name
                edition_of_rpms(recipes, rpms, names(self.count))
                run(tools.store, "--store", at / "store", "--recipes", recipes, "realize", "edition")

        return once(inputs / f"editions-{self.count}-{self.changed}", make)

    def ours(self, tools, inputs, directory):
        place = self.editions(tools, inputs)
        recipes = place / packages(tools, inputs, self.count).name
        command = [tools.store, "--store", place / "store", "--recipes", recipes, "diff", "edition@1", "edition@2"]

        def check():
            said = run(*command)
            assert f"Packages: {self.changed} upgraded" in said, said

        return Work([command], check=check)

    def closures(self, inputs):
        """Two paths that refer to all others; only the database knows them, and it alone is asked."""
        place = inputs / f"nix-closures-{self.count}-{self.changed}"
        nix = Nix(place)
        tops = []
        texts = []
        for edition, changed in ("a", 0), ("b", self.changed):
            parts = [f"part{number:05}-1.{2 if number < changed else 1}" for number in range(self.count)]
            paths = [nix_path(nix.store, part) for part in parts]
            texts += [registration(path, []) for path in paths]
            tops.append(nix_path(nix.store, f"edition-{edition}"))
            texts.append(registration(tops[-1], paths))
        if not place.exists():
            place.mkdir()
            nix.run("nix-store", "--load-db", input="".join(texts))
        return nix, tops

    def theirs(self, tools, inputs, directory):
        nix, tops = self.closures(inputs)

        def check():
            said = nix.run("nix", "store", "diff-closures", *tops)
            assert said.count("part") >= self.changed, said

        return Work([["nix", "store", "diff-closures", *tops]], nix.environment, check)


ROWS = [Diff("diff", 10_000, 200, "≥ 5")]
