"""Composing editions and trees."""

import re
import shutil
import time

import corpus
import leaf
from row import Row, Work, once, run

RELEASE = '[release]\nname = "Bench"\nshort = "bench"\nversion = "1"\narch = "x86_64"\nepoch = 2026-11-01\n'


def packages(tools, inputs, count, changed):
    target = inputs / f"packages-{count}-{changed}"
    return once(target, lambda at: run(tools.make, "packages", at, count, changed))


def names(directory):
    """The names of the packages in a directory, as their file names have them."""
    return sorted({path.name.rsplit("-", 2)[0] for path in directory.glob("*.rpm")})


def words(texts):
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def recipes(at, source, manifest, install=()):
    """An edition of one module that has everything, and a host of some of it."""
    at.mkdir()
    texts = {
        "release": RELEASE,
        "os": f'kind = "source"\npath = "{source}"\n',
        "all": 'kind = "module"\nsummary = "All"\nstream = "1"\nversion = 1\nlicense = "MIT"\nsource = "os"\n'
        f"packages = {words(manifest)}\n",
        "edition": 'kind = "repository"\nmodules = ["all"]\n',
    }
    if install:
        texts["host"] = f'kind = "ostree"\nfrom = ["all"]\ninstall = {words(install)}\nref = "bench/host"\n'
    for name, text in texts.items():
        (at / f"{name}.toml").write_text(text)
    return at


class Edition(Row):
    """Packages that the store has, as an edition; the peer reads the same files."""

    needs = ("createrepo_c",)
    short = (
        "the peer takes an eighth of a millisecond a package, writes indexes and nothing else; here a tree of links to all of"
        " them is made too, and what came of what is recorded. Of the time a fifth is deflating, and no other part a tenth."
        " With more packages, or with real ones, that have a megabyte each and not five kilobytes, the peer falls behind."
    )
    # sqlite databases, which older versions write too unless told otherwise, are no part of the work.
    flags = ("-q", "--no-database")

    def __init__(self, count, aim):
        self.name = f"edition-{count}"
        self.work = f"edition of {count:,} packages that the store has"
        self.peer = "`createrepo_c`, cold"
        self.count = count
        self.aim = aim

    def prepare(self, tools, inputs):
        self.added(tools, inputs)

    def files(self, tools, inputs):
        return packages(tools, inputs, self.count, 0)

    def added(self, tools, inputs):
        """A store that took the packages in, and composed nothing."""
        files = self.files(tools, inputs)

        def make(at):
            # Of a file that changed just now the store notes nothing: it would be read once more.
            time.sleep(3)
            rpms = sorted(files.glob("*.rpm"))
            for start in range(0, len(rpms), 2000):
                run(tools.store, "--store", at, "add", "-q", *rpms[start : start + 2000])

        return once(inputs / f"added-{self.count}", make)

    def ours(self, tools, inputs, directory):
        files = self.files(tools, inputs)
        store = directory / "store"
        run("cp", "-a", self.added(tools, inputs), store)
        here = self.recipes(directory / "recipes", files)
        return self.realize(tools, store, here, "edition")

    def recipes(self, at, files):
        return recipes(at, files, names(files))

    def realize(self, tools, store, here, *artifacts):
        def check():
            said = run(tools.store, "--store", store, "roots")
            assert all(artifact in said for artifact in artifacts), said

        command = [tools.store, "--store", store, "--recipes", here, "-q", "realize", *artifacts]
        return Work([command], check=check)

    def theirs(self, tools, inputs, directory):
        out = directory / "repository"
        out.mkdir()
        return self.indexed([["createrepo_c", *self.flags, "-o", out, self.files(tools, inputs)]], out)

    def indexed(self, commands, out):
        def check():
            assert (out / "repodata" / "repomd.xml").exists(), out

        return Work(commands, check=check)


class Update(Edition):
    """The same again with one package changed."""

    short = (
        "a twentieth of the peer's time is about what the bare links of the edition take (`-update-links`), and an edition"
        " is a directory of them; the rest of ours is to look at ten thousand files and names."
    )

    def __init__(self, count, aim):
        super().__init__(count, aim)
        self.name = f"edition-{count}-update"
        self.work = f"edition of {count:,} packages, one of them changed since the last"
        self.peer = "`createrepo_c --update`"

    def prepare(self, tools, inputs):
        self.releases(tools, inputs)

    def releases(self, tools, inputs):
        """Two directories of packages; all but one are the same in both."""
        return [packages(tools, inputs, self.count, changed) for changed in (0, 1)]

    def source(self, tools, inputs, directory):
        """A copy of the first that may be changed, and how: the old file out, the new one in."""
        first, second = self.releases(tools, inputs)
        files = directory / "packages"
        run("cp", "-a", first, files)
        before, after = ({path.name for path in at.glob("*.rpm")} for at in (first, second))

        def change():
            for name in before - after:
                (files / name).unlink()
            for name in after - before:
                shutil.copy2(second / name, files / name)
            # A file that changed just now is looked at again, and not only its time.
            time.sleep(3)

        return files, change

    def ours(self, tools, inputs, directory):
        work, change = self.first(tools, inputs, directory)
        change()
        return work

    def first(self, tools, inputs, directory):
        """The work, done once; and what changes a package then."""
        files, change = self.source(tools, inputs, directory)
        time.sleep(3)
        here = self.recipes(directory / "recipes", files)
        work = self.realize(tools, directory / "store", here, "edition")
        run(*work.commands[0])
        return work, change

    def theirs(self, tools, inputs, directory):
        files, change = self.source(tools, inputs, directory)
        command = ["createrepo_c", *self.flags, "--update", files]
        run(*command)
        change()
        return self.indexed([command], files)


class UpdateLinks(Update):
    """Beside what links to as many files take, for an edition is a directory of them: no aim can be below that."""

    needs = ()

    def __init__(self, count, aim):
        super().__init__(count, aim)
        self.name = f"edition-{count}-update-links"
        self.peer = "`cp -al` of the edition: links, and nothing else"

    def theirs(self, tools, inputs, directory):
        work, _ = self.first(tools, inputs, directory)
        view = run(*work.commands[0]).strip()
        copy = directory / "copy"

        def check():
            assert len(list((copy / "Packages").iterdir())) == self.count

        return Work([["cp", "-al", view, copy]], check=check)


def manifest(rpms):
    said = run("rpm", "-qp", "--nosignature", "--qf", "%{NAME}\n", *sorted(rpms.glob("*.rpm")))
    return sorted(set(re.findall(r"^[\w.+-]+$", said, re.M)))


class Corpus(Edition):
    """Real packages."""

    short = ""
    needs = ("createrepo_c", "rpm")

    def missing(self):
        return super().missing() + corpus.missing()

    def prepare(self, tools, inputs):
        self.rpms = corpus.corpus(tools, inputs)

    def files(self, tools, inputs):
        return self.rpms

    def manifest(self):
        return manifest(self.rpms)


class CorpusStored(Corpus):
    """Real packages have a megabyte each, not five kilobytes: who indexes files reads them all."""

    name = "edition-corpus-stored"
    work = "edition of the corpus, whose packages the store has"
    peer = "`createrepo_c`, cold"
    count = "corpus"

    def __init__(self, aim):
        self.aim = aim

    def prepare(self, tools, inputs):
        super().prepare(tools, inputs)
        self.added(tools, inputs)

    def recipes(self, at, files):
        return recipes(at, files, manifest(files))


class CorpusUpdate(Update):
    """One of the real packages in another release."""

    needs = ("createrepo_c", "rpm", "rpmbuild", "rpm2cpio", "cpio")
    short = ""

    def __init__(self, aim):
        self.name = "edition-corpus-update"
        self.work = "edition of the corpus, one of its packages changed since the last"
        self.peer = "`createrepo_c --update`"
        self.aim = aim

    def missing(self):
        return super().missing() + corpus.missing()

    def releases(self, tools, inputs):
        return leaf.sources(corpus.corpus(tools, inputs), inputs)

    def recipes(self, at, files):
        return recipes(at, files, manifest(files))


class CorpusEdition(Corpus):
    """From files that the store has not seen to a repository that has all of them."""

    name = "edition-corpus"
    work = "edition of the corpus, cold: no RPM is in the store yet"
    peer = "`cp` of all RPMs, and `createrepo_c`"

    def __init__(self, aim):
        self.aim = aim

    def ours(self, tools, inputs, directory):
        here = recipes(directory / "recipes", self.rpms, self.manifest())
        return self.realize(tools, directory / "store", here, "edition")

    def theirs(self, tools, inputs, directory):
        out = directory / "repository"
        out.mkdir()
        copy = ["sh", "-c", 'cp "$0"/*.rpm "$1"', self.rpms, out]
        return self.indexed([copy, ["createrepo_c", *self.flags, out]], out)


class CorpusUnpacked(CorpusEdition):
    """The same, and everything unpacked besides.

    Nothing that people ask for is a heap of unpacked packages. The nearest is a command in a root of all of them,
    which takes solving, an rpmdb and the laying out of the root on top.
    """

    name = "edition-corpus-unpacked"
    work = "edition of the corpus, cold, and a command in a root of all its packages"
    short = (
        "to decompress all packages takes both the same; hashing 1.7 GB twice over, a package database and a root come on top"
        " here."
    )
    # For root a command's root is copied, to belong to nobody; for anybody else it is links.
    ordinary = True
    peer = "`cp` of all RPMs, `createrepo_c`, and `rpm2cpio` piped into `cpio` for each"
    needs = ("createrepo_c", "rpm", "rpm2cpio", "cpio")

    def reads(self):
        named = corpus.named()
        return [named] if named is not None else []

    def ours(self, tools, inputs, directory):
        manifest = self.manifest()
        here = recipes(directory / "recipes", self.rpms, manifest)
        command = f'kind = "command"\nfrom = ["all"]\ninstall = {words(manifest)}\nrun = "touch $OUT/done"\n'
        (here / "everything.toml").write_text(command)
        return self.realize(tools, directory / "store", here, "edition", "everything")

    def theirs(self, tools, inputs, directory):
        work = super().theirs(tools, inputs, directory)
        root = directory / "root"
        root.mkdir()
        each = 'cd "$1" && for rpm in "$0"/*.rpm; do rpm2cpio "$rpm" | cpio -idmu --quiet --no-absolute-filenames; done'
        return Work([*work.commands, ["sh", "-c", each, self.rpms, root]], check=work.check)


class Host(Corpus):
    """A tree with a kernel, and its commit in an archive repository."""

    name = "tree"
    work = "tree of some 330 packages of the corpus, and its commit in an archive repository, cold"
    peer = "`dnf --installroot` without scriptlets, and `ostree commit`"
    needs = ("dnf", "ostree", "rpm", "createrepo_c")
    seeds = corpus.HOST

    def __init__(self, aim):
        self.aim = aim

    def repository(self, directory, more=()):
        """The corpus and some packages more as a repository, for the peer."""
        at = directory / "repository"
        at.mkdir()
        for rpm in [*self.rpms.glob("*.rpm"), *more]:
            shutil.copy2(rpm, at)
        run("createrepo_c", *self.flags, at)
        return at

    def ours(self, tools, inputs, directory):
        here = recipes(directory / "recipes", self.files(tools, inputs), self.manifest(), self.seeds)
        return self.realize(tools, directory / "store", here, "host")

    def theirs(self, tools, inputs, directory):
        return self.installed(directory, self.repository(directory), self.seeds)

    def installed(self, directory, repository, seeds):
        root, archive = directory / "root", directory / "archive"
        run("ostree", f"--repo={archive}", "init", "--mode=archive")
        options = {"tsflags": "noscripts", "install_weak_deps": "False", "reposdir": "/nonexistent"}
        options["cachedir"] = directory / "cache"
        install = ["dnf", "-q", "-y", "--disableplugin=*", "--releasever=1", "--nogpgcheck", f"--installroot={root}"]
        install += [f"--setopt={key}={value}" for key, value in options.items()]
        install += [f"--repofrompath=bench,file://{repository}", "--repo=bench", "install", *seeds]
        commit = ["ostree", f"--repo={archive}", "commit", "-b", "bench/host", "-s", "bench", root]

        def check():
            run("ostree", f"--repo={archive}", "rev-parse", "bench/host")

        return Work([install, commit], check=check)


class HostUpdate(Host):
    """One small package is another version."""

    name = "tree-update"
    work = "the same with one more package, which changed since the last"
    peer = "the same, from the beginning: it has no other way"

    def prepare(self, tools, inputs):
        super().prepare(tools, inputs)
        packages(tools, inputs, 1, 0)
        packages(tools, inputs, 1, 1)

    def versions(self, tools, inputs):
        return [next(packages(tools, inputs, 1, changed).glob("*.rpm")) for changed in (0, 1)]

    def ours(self, tools, inputs, directory):
        before, after = self.versions(tools, inputs)
        files = directory / "packages"
        files.mkdir()
        for rpm in [*self.rpms.glob("*.rpm"), before]:
            shutil.copy2(rpm, files)
        extra = names(before.parent)
        seeds = [*self.seeds, *extra]
        here = recipes(directory / "recipes", files, sorted([*self.manifest(), *extra]), seeds)
        time.sleep(3)
        work = self.realize(tools, directory / "store", here, "host")
        run(*work.commands[0])
        (files / before.name).unlink()
        shutil.copy2(after, files)
        time.sleep(3)
        return work

    def theirs(self, tools, inputs, directory):
        _, after = self.versions(tools, inputs)
        return self.installed(directory, self.repository(directory, [after]), [*self.seeds, *names(after.parent)])


ROWS = [
    Edition(2_000, "–"),
    Edition(10_000, "≥ 5"),
    Edition(50_000, "≥ 5"),
    Update(10_000, "≥ 20"),
    UpdateLinks(10_000, "–"),
    CorpusStored("–"),
    CorpusUpdate("–"),
    CorpusEdition("–"),
    CorpusUnpacked("≥ 2.5"),
    Host("≥ 4"),
    HostUpdate("≥ 50"),
]
