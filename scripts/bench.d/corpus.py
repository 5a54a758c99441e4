"""A corpus of real packages: a distribution as RPMs, some 550 of them.

$STORE_BENCH_CORPUS names a directory of RPMs that somebody has. Without it one is made, once: what Debian's apt
installs for the seeds below, with all that it needs, each package turned into an RPM (tests/bench/debian.rs).
That takes apt, its network, and some minutes. Versions are those of the mirror on that day: figures
are compared within one corpus, never between two.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from row import once, run

VARIABLE = "STORE_BENCH_CORPUS"

# A server with a kernel and what it boots with; what the rows of trees install.
HOST = (
    "linux-image-amd64 systemd systemd-sysv udev dracut bash coreutils openssh-server openssh-client podman "
    "python3 perl grub-efi-amd64 iproute2 iputils-ping curl wget sudo vim-tiny less procps util-linux kmod "
    "e2fsprogs xfsprogs btrfs-progs lvm2 cryptsetup nftables chrony rsyslog dnf rpm ostree git rsync tar gzip "
    "xz-utils zstd man-db locales tzdata ca-certificates openssl gnupg dbus polkitd network-manager firewalld "
    "tmux htop strace lsof tcpdump file busybox-static ostree-boot"
).split()

# What a workstation has besides, so that an edition is more than one tree.
BESIDES = "libgtk-4-1 nautilus gnome-terminal eog gedit fonts-dejavu-core firefox-esr nginx-light".split()


def named():
    """The directory of RPMs that somebody made before, if one is named."""
    directory = os.environ.get(VARIABLE)
    return None if directory is None else Path(directory)


def missing():
    """What has to be there before a row of the corpus can run."""
    if named() is not None:
        return [] if named().is_dir() else [f"the directory {named()}, which ${VARIABLE} names, is not there"]
    return [] if shutil.which("apt-get") else [f"there is neither apt-get nor ${VARIABLE}, a directory of RPMs"]


def corpus(tools, inputs):
    """The directory of RPMs."""
    return named() or once(inputs / "corpus", lambda at: make(tools, at))


def make(tools, at):
    debs = at.with_name("debs")
    debs.mkdir(exist_ok=True)
    wanted = closure()
    have = {path.name for path in debs.glob("*.deb")}
    lacking = [package for name, package in wanted.items() if name not in have]
    for start in range(0, len(lacking), 50):
        # As root apt would give its rights away to a user who may not write here.
        own = ["-o", "APT::Sandbox::User=root"]
        run("apt-get", "-qq", *own, "download", *lacking[start : start + 50], cwd=debs)
    for path in debs.glob("*.deb"):
        if path.name not in wanted:
            path.unlink()
    run(tools.make, "debian", at, debs)


def essential():
    """What every Debian has without being asked for."""
    known = subprocess.run(["apt-cache", "dumpavail"], check=True, stdout=subprocess.PIPE, text=True).stdout
    blocks = (block for block in known.split("\n\n") if re.search(r"^Essential: yes$", block, re.M))
    return sorted({re.search(r"^Package: (\S+)$", block, re.M)[1] for block in blocks})


def closure():
    """Everything that a machine without any package would be sent: file names, and what apt calls them."""
    with tempfile.NamedTemporaryFile() as nothing_installed:
        options = [f"Dir::State::status={nothing_installed.name}", "APT::Install-Recommends=false"]
        command = ["apt-get", "-qq", "-y", "--print-uris", *(f"-o{option}" for option in options)]
        command += ["install", *essential(), *HOST, *BESIDES]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    wanted = {}
    for line in said.splitlines():
        if found := re.match(r"'[^']+' (([^_ ]+)_([^_ ]+)_[^_ ]+\.deb) \d+", line):
            wanted[found[1]] = f"{found[2]}={found[3].replace('%3a', ':')}"
    return wanted
