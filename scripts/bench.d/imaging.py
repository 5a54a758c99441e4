"""The last step to what people boot or run: layers of an image, a file system in a file, a disc.

What it is made of is there on both sides: here in the store, there as directories. Both end with the same kind of
file, compressed in the same way.
"""

import staging
from composing import Corpus
from row import Work, once, run

COLD = "of some 330 packages of the corpus, its root is there"
AGAIN = "the same, after one leaf package changed"


class Last(Corpus):
    """`artifact` is realized in a store of the `stage`; with `number` 2, of packages one of which changed."""

    artifact = ""

    def __init__(self, name, work, stage, number, aim):
        self.name, self.work, self.stage, self.number, self.aim = name, work, stage, number, aim

    def stages(self, tools, inputs):
        return self.stage.there(tools, inputs, self.rpms, self.manifest())

    def prepare(self, tools, inputs):
        super().prepare(tools, inputs)
        self.stages(tools, inputs)
        self.directory(tools, inputs)

    def ours(self, tools, inputs, directory):
        at, store = self.stages(tools, inputs), directory / "store"
        run("cp", "-a", at / "store", store)
        command = staging.command(tools, at, self.number, self.artifact, store=store)

        def check():
            [line] = run(*command).splitlines()
            self.judge(line)

        return Work([command], check=check)

    def judge(self, entry):
        pass

    def root(self, tools, inputs):
        """The host's root as a directory."""
        at = self.stages(tools, inputs)

        def make(directory):
            [line] = run(*staging.command(tools, at, self.number, "host")).splitlines()
            run("ostree", f"--repo={line}", "checkout", "-U", "--disable-cache", "bench/host", directory)

        return once(inputs / f"root-{self.number}", make)

    directory = root


class Image(Last):
    """In as many layers as a host has here, so that an update is one of them; the peers know one layer."""

    artifact = "image"

    def judge(self, entry):
        run("skopeo", "inspect", "--raw", f"oci:{entry}")


class Umoci(Image):
    peer = "`umoci insert` of the root, one layer"
    needs = ("umoci", "skopeo", "ostree", "rpm")

    def theirs(self, tools, inputs, directory):
        layout, root = directory / "layout", self.directory(tools, inputs)
        commands = [
            ["umoci", "init", "--layout", layout],
            ["umoci", "new", "--image", f"{layout}:x"],
            ["umoci", "insert", "--image", f"{layout}:x", root, "/"],
        ]
        return Work(commands, check=lambda: run("skopeo", "inspect", "--raw", f"oci:{layout}:x"))


class Buildah(Image):
    peer = "`buildah copy` of the root, and `commit`, one layer"
    needs = ("buildah", "skopeo", "ostree", "rpm")

    def theirs(self, tools, inputs, directory):
        layout, root = directory / "layout", self.directory(tools, inputs)
        options = f"--root {directory}/storage --runroot {directory}/run --storage-driver vfs"
        buildah = f"buildah {options}"
        script = f"c=$({buildah} from scratch) && {buildah} copy -q $c {root} / && {buildah} commit -q $c oci:{layout}:x"
        environment = {"TMPDIR": directory, "BUILDAH_ISOLATION": "chroot"}
        return Work([["sh", "-ec", script]], environment, lambda: run("skopeo", "inspect", "--raw", f"oci:{layout}:x"))


class Squashfs(Last):
    artifact = "bare"
    peer = "`mksquashfs`, zstd at the same level"
    short = (
        "both compress on all processors; on one where compressing is quicker, the rest of ours counts: with the image the disc"
        " around it is made, summed and written out, by one processor."
    )
    needs = ("mksquashfs", "ostree", "rpm")

    def theirs(self, tools, inputs, directory):
        out, root = directory / "install.img", self.directory(tools, inputs)
        flags = ["-comp", "zstd", "-Xcompression-level", "9", "-b", "131072", "-no-progress", "-quiet"]
        return Work([["mksquashfs", root, out, *flags]], check=lambda: run("unsquashfs", "-s", out))


class Iso(Last):
    artifact = "full"
    peer = "`xorriso -as mkisofs` and `implantisomd5`"
    short = (
        "the disc is gone through three times by one processor: for the sum of the media check (a third of the time is MD5), for"
        " its id, and to write it out. On another processor the ratio was 1.1."
    )
    needs = ("xorriso", "implantisomd5", "checkisomd5", "ostree", "rpm")

    def judge(self, entry):
        run("checkisomd5", f"{entry}/full.iso")

    def directory(self, tools, inputs):
        """What is on the disc, as files."""
        at = self.stages(tools, inputs)

        def make(directory):
            store = inputs / f"iso-store-{self.number}"
            run("rm", "-rf", store)
            run("cp", "-a", at / "store", store)
            [line] = run(*staging.command(tools, at, self.number, "full", store=store)).splitlines()
            run("xorriso", "-osirrox", "on", "-indev", f"{line}/full.iso", "-extract", "/", directory)
            run("chmod", "-R", "u+w", directory)
            run("rm", "-rf", store)

        return once(inputs / f"disc-{self.number}", make)

    def theirs(self, tools, inputs, directory):
        out, files = directory / "full.iso", self.directory(tools, inputs)
        make = ["xorriso", "-as", "mkisofs", "-quiet", "-r", "-V", "BENCH", "-o", out, files]
        return Work([make, ["implantisomd5", out]], check=lambda: run("checkisomd5", out))


ROWS = [
    Umoci("image-umoci", f"image {COLD}", staging.ROOT, 1, "≥ 1"),
    Umoci("image-umoci-update", AGAIN, staging.ROOT_AFTER, 2, "≥ 20"),
    Buildah("image-buildah", f"image {COLD}", staging.ROOT, 1, "≥ 1"),
    Buildah("image-buildah-update", AGAIN, staging.ROOT_AFTER, 2, "≥ 20"),
    Squashfs("squashfs", f"SquashFS image {COLD}, and with us the disc around it", staging.ROOT, 1, "≥ 1"),
    Squashfs("squashfs-update", AGAIN, staging.ROOT_AFTER, 2, "≥ 1"),
    Iso("iso", "installer of an edition, a tree and an installed root, all of which are there", staging.STAGE2, 1, "≥ 1"),
    Iso("iso-update", AGAIN, staging.STAGE2_AFTER, 2, "≥ 1"),
]
