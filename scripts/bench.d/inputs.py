"""What several families of rows begin with: packages, and recipes for an edition of them."""

from row import once, run

RELEASE = """\
[release]
name = "Bench"
short = "bench"
version = "1"
arch = "x86_64"
epoch = 2026-11-01
"""


def packages(tools, inputs, count, changed=0):
    """A directory of RPMs, the first `changed` of them in another release than they have without."""
    name = f"packages-{count}" + (f"-{changed}" if changed else "")
    return once(inputs / name, lambda at: run(tools.make, "packages", at, count, changed))


PACKAGE = """\
kind = "package"
version = "1"
release = "1"
arch = "noarch"
license = "MIT"
summary = "Part of a distribution"
[[files]]
path = "/usr/share/{name}"
content = "{name}\\n"
"""


def edition(recipes, rest):
    """Recipes for an edition of one module; `rest` says where the module has its packages from."""
    recipes.mkdir(parents=True)
    texts = {
        "release": RELEASE,
        "parts": f'kind = "module"\nsummary = "All parts"\nstream = "1"\nversion = 1\n{rest}',
        "edition": 'kind = "repository"\nmodules = ["parts"]\n',
    }
    for name, text in texts.items():
        (recipes / f"{name}.toml").write_text(text)


def listed(names):
    return ", ".join(f'"{name}"' for name in names)


def edition_of_rpms(recipes, rpms, names):
    """An edition of packages that lie in a directory."""
    edition(recipes, f'source = "rpms"\npackages = [{listed(names)}]\n')
    (recipes / "rpms.toml").write_text(f'kind = "source"\npath = "{rpms}"\n')


def edition_of_recipes(recipes, names):
    """An edition of packages that are recipes too."""
    edition(recipes, f"from = [{listed(names)}]\n")
    for name in names:
        (recipes / f"{name}.toml").write_text(PACKAGE.format(name=name))


def names(count):
    return [f"part-{number:05}" for number in range(count)]
