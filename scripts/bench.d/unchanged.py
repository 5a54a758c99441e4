"""Asking for what is there already."""

from inputs import edition_of_recipes, names
from nix import Nix
from row import Row, Work, once, run

STEPS = """\
map (number: derivation {{
  name = "step-${{toString number}}";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" "echo ${{toString number}} > $out" ];
}}) (builtins.genList (number: number) {count})
"""


class Unchanged(Row):
    """Here, an edition of packages that are written from recipes: two steps a package, the module and the edition.
    There, as many derivations that need nothing of each other.
    """

    def __init__(self, name, count, aim):
        self.name = name
        self.count = count
        self.work = f"nothing changed, {count:,} steps"
        self.peer = f"`nix-store --realise` of {count:,} derivations"
        self.aim = aim

    needs = ("nix-store", "nix-instantiate")

    def prepare(self, tools, inputs):
        self.edition(tools, inputs)
        self.derivations(inputs)

    def edition(self, tools, inputs):
        parts = names((self.count - 2) // 2)
        return once(inputs / f"edition-{self.count}", lambda at: edition_of_recipes(at / "recipes", parts))

    def ours(self, tools, inputs, directory):
        place = self.edition(tools, inputs)
        command = [tools.store, "--store", place / "store", "--recipes", place / "recipes", "realize", "edition"]
        run(*command)

        def check():
            said = run(*command, "--json")
            assert '"composed": 0,' in said, said

        return Work([command], check=check)

    def derivations(self, inputs):
        """Paths of derivations that were realized; a Nix store can't be moved, so this one stays where it was made."""
        place = inputs / f"nix-{self.count}"
        nix, listed = Nix(place), place / "derivations"
        if not listed.exists():
            place.mkdir(exist_ok=True)
            expression = STEPS.format(count=self.count)
            made = nix.run("nix-instantiate", "-E", expression)
            paths = [line for line in made.splitlines() if line.endswith(".drv")]
            nix.run("nix-store", "--realise", *paths)
            listed.write_text("\n".join(paths))
        return nix, listed.read_text().splitlines()

    def theirs(self, tools, inputs, directory):
        nix, paths = self.derivations(inputs)
        return Work([["nix-store", "--realise", *paths]], nix.environment)


ROWS = [Unchanged("unchanged", 1_000, "≥ 3")]
