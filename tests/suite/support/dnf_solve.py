"""Asks dnf what it would install: for each line of stdin, a list of specs, one line of NEVRAs.

Tabs stand between the specs of a line, since specs have spaces in them.
"""

import sys

import dnf

work, arch, weak, platform, streams = sys.argv[1:6]
repositories = sys.argv[6:]
base = dnf.Base()
conf = base.conf
conf.installroot = work + "/root"
conf.cachedir = work + "/cache"
conf.logdir = work
conf.persistdir = work + "/persist"
conf.substitutions["arch"] = arch
conf.substitutions["basearch"] = dnf.rpm.basearch(arch)
conf.substitutions["releasever"] = "1"
conf.module_platform_id = "platform:" + platform
conf.install_weak_deps = weak == "weak"
conf.gpgcheck = False
conf.plugins = False
conf.best = False
for number, repository in enumerate(repositories):
    base.repos.add_new_repo(f"judge{number}", conf, baseurl=["file://" + repository])
base.fill_sack(load_system_repo=False)
if streams:
    dnf.module.module_base.ModuleBase(base).enable(streams.split(","))
for line in sys.stdin:
    line = line.rstrip("\n")
    base.reset(goal=True)
    try:
        for spec in line.split("\t"):
            base.install(spec)
        base.resolve()
    except dnf.exceptions.Error:
        print("FAILED")
        continue
    found = [
        f"{p.name}-{'' if p.e == 0 else str(p.e) + ':'}{p.v}-{p.r}.{p.a}"
        for p in base.transaction.install_set
    ]
    print(" ".join(sorted(found)))
