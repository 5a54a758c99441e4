"""Asks dnf what it would install: for each line of stdin, a list of specs, one line of NEVRAs."""

import sys

import dnf

work, repository, arch, weak = sys.argv[1:5]
base = dnf.Base()
conf = base.conf
conf.installroot = work + "/root"
conf.cachedir = work + "/cache"
conf.logdir = work
conf.persistdir = work + "/persist"
conf.substitutions["arch"] = arch
conf.substitutions["basearch"] = dnf.rpm.basearch(arch)
conf.substitutions["releasever"] = "1"
conf.module_platform_id = "platform:1"
conf.install_weak_deps = weak == "weak"
conf.gpgcheck = False
conf.plugins = False
conf.best = False
base.repos.add_new_repo("judge", conf, baseurl=["file://" + repository])
base.fill_sack(load_system_repo=False)
for line in sys.stdin:
    base.reset(goal=True)
    try:
        for spec in line.split():
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
