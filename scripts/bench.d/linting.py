"""Whether everything that an edition has can be installed."""

import json

from inputs import edition_of_rpms, names, packages
from row import Row, Work, once, run


class Lint(Row):
    """Both sides know the packages: the store has realized the edition, and dnf has its cache of their metadata."""

    needs = ("createrepo_c", "dnf")

    def __init__(self, name, count, aim):
        self.name = name
        self.count = count
        self.work = f"lint of an edition of {count:,} packages"
        self.peer = "`dnf repoclosure` of its repository, from a warm cache"
        self.aim = aim

    def prepare(self, tools, inputs):
        self.edition(tools, inputs)
        self.repository(tools, inputs)

    def edition(self, tools, inputs):
        rpms = packages(tools, inputs, self.count)

        def make(at):
            edition_of_rpms(at / "recipes", rpms, names(self.count))
            run(tools.store, "--store", at / "store", "--recipes", at / "recipes", "realize", "-q", "edition")

        return once(inputs / f"realized-{self.count}", make)

    def ours(self, tools, inputs, directory):
        place = self.edition(tools, inputs)
        command = [tools.store, "--store", place / "store", "--recipes", place / "recipes", "lint"]

        def check():
            found = json.loads(run(*command, "-q", "--json"))
            assert found["schema"].startswith("store/lint/"), found

        return Work([command], check=check)

    def repository(self, tools, inputs):
        rpms = packages(tools, inputs, self.count)

        def make(at):
            (at / "repository").mkdir(parents=True)
            run("createrepo_c", "-q", "--no-database", "-o", at / "repository", rpms)

        at = once(inputs / f"repoclosure-{self.count}", make)
        run(*self.closure(at), "makecache")
        return at

    def closure(self, at):
        options = {"cachedir": at / "cache", "persistdir": at / "persist", "logdir": at, "reposdir": "/nonexistent"}
        command = ["dnf", "-q", "--disableplugin=*", "--enableplugin=repoclosure", "--releasever=1"]
        command += [f"--setopt={key}={value}" for key, value in options.items()]
        return [*command, f"--repofrompath=bench,file://{at}/repository", "--repo=bench"]

    def theirs(self, tools, inputs, directory):
        return Work([[*self.closure(self.repository(tools, inputs)), "--cacheonly", "repoclosure"]])


ROWS = [Lint("lint", 18_000, "–")]
