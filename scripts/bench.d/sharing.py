"""How many bytes it takes to keep artifacts that have most of their files in common."""

import shutil
import time

import composing
from composing import Corpus, names, packages
from nix import Nix
from row import Work, once, run

# What an image begins with.
BASE = "bash coreutils systemd util-linux procps tzdata ca-certificates".split()


class Sharing(Corpus):
    """Two editions and two trees, one package changed between them, and a root of a few packages.

    The store keeps them after `gc --drop-intermediates`, or beside them what the newest were made from.
    The peer is given the same five directories.
    """

    work = "two editions, two trees and a small root, kept together"

    def __init__(self, name, peer, needs, keep, aim, made_from=False):
        self.name, self.peer, self.aim = name, peer, aim
        self.made_from = made_from
        if made_from:
            self.work += "; with us also what the newest were made from"
        self.needs = ("rpm", "ostree", *needs)
        self.keep = keep

    def prepare(self, tools, inputs):
        super().prepare(tools, inputs)
        self.artifacts(tools, inputs)

    def artifacts(self, tools, inputs):
        """A store with all of them, and each of them as a directory."""

        def make(at):
            at.mkdir()
            before, after = (next(packages(tools, inputs, 1, changed).glob("*.rpm")) for changed in (0, 1))
            files, here, store = at / "packages", at / "recipes", at / "store"
            files.mkdir()
            for rpm in [*self.rpms.glob("*.rpm"), before]:
                shutil.copy2(rpm, files)
            extra = names(before.parent)
            composing.recipes(here, files, sorted({*self.manifest(), *extra}), [*composing.Host.seeds, *extra])
            base = f'kind = "ostree"\nfrom = ["all"]\ninstall = {composing.words(BASE)}\nref = "bench/base"\n'
            (here / "base.toml").write_text(base)
            for number in 1, 2:
                time.sleep(3)
                ask = [tools.store, "--store", store, "--recipes", here, "-q", "realize", "edition", "host", "base"]
                for line in run(*ask).splitlines():
                    name = line.rsplit("-", 1)[1]
                    directory = at / f"{name}-{number}"
                    if name == "edition":
                        run("cp", "-aL", line, directory)
                    else:
                        run("ostree", f"--repo={line}", "checkout", "-U", "--disable-cache", f"bench/{name}", directory)
                (files / before.name).unlink(missing_ok=True)
                shutil.copy2(after, files)
            # It did not change.
            run("rm", "-rf", at / "base-2", files)

        return once(inputs / "sharing", make)

    def ours(self, tools, inputs, directory):
        store = self.artifacts(tools, inputs) / "store"
        if not self.made_from:
            run("cp", "-a", store, directory)
            store = directory / "store"
            run(tools.store, "--store", store, "-q", "gc", "--drop-intermediates")
        return Work([], keeps=store)

    def theirs(self, tools, inputs, directory):
        at = self.artifacts(tools, inputs)
        parts = [at / name for name in ("edition-1", "edition-2", "host-1", "host-2", "base-1")]
        return self.keep(directory, parts)


def ostree(directory, parts):
    repository = directory / "repository"
    run("ostree", f"--repo={repository}", "init", "--mode=bare")
    for part in parts:
        run("ostree", f"--repo={repository}", "commit", "-b", part.name, "-s", "bench", part)
    return Work([], keeps=repository)


def nix(directory, parts):
    store = Nix(directory)
    for part in parts:
        store.run("nix-store", "--add", part)
    store.run("nix-store", "--optimise")
    return Work([], store.environment, keeps=directory / "nix")


def restic(directory, parts):
    repository = directory / "repository"
    environment = {"RESTIC_PASSWORD": "bench", "HOME": directory, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    run("restic", "-q", "-r", repository, "init", env=environment)
    for part in parts:
        run("restic", "-q", "--no-cache", "-r", repository, "backup", part, env=environment)
    return Work([], environment, keeps=repository)


ROWS = [
    Sharing("sharing-ostree", "`ostree`, a bare repository", (), ostree, "≤ 1"),
    Sharing("sharing-ostree-inputs", "`ostree`, a bare repository", (), ostree, "–", made_from=True),
    Sharing("sharing-nix", "a Nix store, `--optimise`", ("nix-store",), nix, "≤ 1"),
    Sharing("sharing-restic", "`restic`, which compresses and splits", ("restic",), restic, "–"),
]
