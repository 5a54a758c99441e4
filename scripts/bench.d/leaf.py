"""A package of the corpus that nothing needs, in two releases: as a source has it before and after an update."""

import shutil
from pathlib import Path

from row import once, run

# It is on the host and in the edition, has a program of two megabytes, and no other package asks for it.
NAME = "strace"

TAGS = ("VERSION", "ARCH", "LICENSE", "SUMMARY")
SPEC = """\
%define __os_install_post %{{nil}}
%define _build_id_links none
%define debug_package %{{nil}}
%define _binary_payload w3.zstdio
Name: {name}
Version: {VERSION}
Release: {release}
License: {LICENSE}
Summary: {SUMMARY}
AutoReqProv: no
{needs}
%description
{SUMMARY}
%install
cp -a {files}/. %{{buildroot}}/
%files
{listed}
"""


def releases(rpms, inputs):
    """The files of both; in the second every file has one byte more."""
    return [
        next(once(inputs / f"leaf-{number}", lambda at, n=number: build(rpms, at, n)).glob("*.rpm"))
        for number in (1, 2)
    ]


def sources(rpms, inputs):
    """Two directories of packages, the second with the update; they have all other files in common."""

    def make(at):
        files = {rpm.name: rpm for rpm in rpms.glob("*.rpm")}
        del files[original(rpms).name]
        for number, changed in enumerate(releases(rpms, inputs), 1):
            (at / str(number)).mkdir(parents=True)
            for name, rpm in files.items():
                place = at / str(number) / name
                shutil.copy2(rpm, place) if number == 1 else place.hardlink_to(at / "1" / name)
            shutil.copy2(changed, at / str(number))

    at = once(inputs / "leaf-sources", make)
    return at / "1", at / "2"


def build(rpms, at, number):
    at.mkdir()
    rpm = original(rpms)
    files = at / "files"
    files.mkdir()
    run("sh", "-c", 'rpm2cpio "$0" | cpio -idm --quiet', rpm, cwd=files)
    found = [path for path in sorted(files.rglob("*")) if path.is_symlink() or path.is_file()]
    for path in found:
        if number > 1 and not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)
            with open(path, "ab") as file:
                file.write(b"\n" * (number - 1))
    text = query(rpm, "".join(f"%{{{tag}}}\n" for tag in TAGS)).splitlines()
    needs = {f"Requires: {line}" for line in run("rpm", "-qp", "--nosignature", "--requires", rpm).splitlines()}
    spec = SPEC.format(
        name=NAME,
        release=number,
        files=files,
        needs="\n".join(sorted(line for line in needs if "rpmlib(" not in line)),
        listed="\n".join(f'"/{path.relative_to(files)}"' for path in found),
        **dict(zip(TAGS, text)),
    )
    (at / "spec").write_text(spec)
    top = at / "top"
    run("rpmbuild", "-bb", "--quiet", f"--define=_topdir {top}", at / "spec")
    [built] = top.glob("RPMS/*/*.rpm")
    built.rename(at / built.name)
    shutil.rmtree(top)
    shutil.rmtree(files)


def original(rpms):
    [rpm] = [path for path in Path(rpms).glob(f"{NAME}-*.rpm") if query(path, "%{NAME}") == NAME]
    return rpm


def query(rpm, text):
    return run("rpm", "-qp", "--nosignature", "--qf", text, rpm)


def size(rpm):
    """Bytes of the package and of its files."""
    return rpm.stat().st_size + int(query(rpm, "%{LONGSIZE}"))
