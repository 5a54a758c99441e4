"""Stores that are half-way: what a row begins with is there, what it measures is not."""

import composing
import leaf
from composing import words
from row import once, run

# What an installer boots; it has not the leaf package, which the edition and the tree on the disc have.
RUNTIME = "linux-image-amd64 systemd systemd-sysv udev bash coreutils util-linux grub-efi-amd64 less procps".split()

RECIPES = {
    "image": 'kind = "image"\nfrom = ["all"]\ninstall = {host}\nlayers = 64\n',
    "layered": 'kind = "image"\nbase = "image"\nfrom = ["all"]\ninstall = ["nginx-light"]\n',
    "disc": 'kind = "installer"\nfrom = ["all"]\nruntime = {runtime}\nrepository = "edition"\npayload = "host"\n',
    "everything": 'kind = "compose"\n[variants]\nAll = ["edition", "host", "image", "layered", "disc"]\n',
    # The host's own root as what an installer runs, alone and with more on the disc.
    "bare": 'kind = "installer"\nfrom = ["all"]\nruntime = {host}\n',
    "full": 'kind = "installer"\nfrom = ["all"]\nruntime = {host}\nrepository = "edition"\npayload = "host"\n',
}


def recipes(at, rpms, inputs, manifest):
    """The same recipes twice, of the packages before the update and after it."""
    for number, files in enumerate(leaf.sources(rpms, inputs), 1):
        here = composing.recipes(at / f"recipes-{number}", files, manifest, composing.Host.seeds)
        for name, text in RECIPES.items():
            text = text.format(host=words(composing.Host.seeds), runtime=words(RUNTIME))
            (here / f"{name}.toml").write_text(text)


class Stage:
    """A store in which some artifacts were realized, after another stage."""

    def __init__(self, name, before, number, *artifacts):
        self.name, self.before, self.number, self.artifacts = name, before, number, artifacts

    def there(self, tools, inputs, rpms, manifest):
        def make(at):
            at.mkdir()
            recipes(at, rpms, inputs, manifest)
            if self.before:
                run("cp", "-a", self.before.there(tools, inputs, rpms, manifest) / "store", at)
            run(*command(tools, at, self.number, *self.artifacts))

        return once(inputs / f"stage-{self.name}", make)


def command(tools, at, number, *artifacts, store=None):
    store = store or at / "store"
    return [tools.store, "--store", store, "--recipes", at / f"recipes-{number}", "-q", "realize", *artifacts]


# Before the update, and after it.
ROOT = Stage("root", None, 1, "host", "edition")
STAGE2 = Stage("stage2", ROOT, 1, "bare")
ALL = Stage("all", STAGE2, 1, "image", "full")
ROOT_AFTER = Stage("root-after", ALL, 2, "host", "edition")
STAGE2_AFTER = Stage("stage2-after", ROOT_AFTER, 2, "bare")
