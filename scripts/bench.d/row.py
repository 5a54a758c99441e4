"""What a row is: a piece of work that we and a peer are asked to do."""

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field

from build import TARGET


@dataclass
class Work:
    """What is timed. Whatever has to be there first, a row makes before it returns this."""

    commands: list
    environment: dict = field(default_factory=dict)
    # Called afterwards: raises if the work was not done. A row that measures nothing is worse than none.
    check: callable = lambda: None
    # A directory whose bytes are compared, in place of times.
    keeps: object = None

    def text(self, directory, inputs):
        """The commands as a person would write them, without this run's paths."""
        if not self.commands:
            return "du -s --block-size=1"
        lines = " && ".join(shlex.join(map(str, command)) for command in self.commands)
        lines = lines.replace(str(directory), "RUN").replace(str(inputs), "INPUTS").replace(f"{TARGET}/release/", "")
        # A thousand arguments of a kind say no more than the first.
        return lines if len(lines) < 300 else f"{lines[:200]} …"


class Row:
    """Subclasses say what is done by whom; `prepare` makes inputs that all runs share, and keeps what is there."""

    name = ""
    work = ""
    peer = ""  # none: measured alone
    aim = ""
    # What stands in the way of the aim; the table says so as long as it is missed.
    short = ""
    needs = ()  # programs of the peer
    # Whether both sides are run as an ordinary user even where the script is run by root.
    ordinary = False

    def missing(self):
        become = self.ordinary and os.geteuid() == 0
        needs = [*self.needs, "setpriv"] if become else self.needs
        missing = [f"{program} is not installed" for program in needs if shutil.which(program) is None]
        for directory in [TARGET, *self.reads()] if become and not missing else []:
            if not nobody_reaches(directory):
                missing.append(f"an ordinary user can't reach {directory}")
        return missing

    def reads(self):
        """Directories that the commands read, besides those that are made for the row."""
        return []

    def prepare(self, tools, inputs):
        pass

    def ours(self, tools, inputs, directory):
        raise NotImplementedError

    def theirs(self, tools, inputs, directory):
        raise NotImplementedError


NOBODY = 65534
# Runs the command after it as an ordinary user; only root can say so.
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


def nobody_reaches(directory):
    return subprocess.run([*AS_NOBODY, "test", "-x", directory]).returncode == 0


def run(*command, **options):
    """Runs a command that is not timed; quiet unless it fails."""
    command = [str(part) for part in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}:\n{done.stdout}")
    return done.stdout


def once(target, make):
    """Makes a directory of inputs, unless it was made before; half-made ones are made anew."""
    if not target.exists():
        half = target.with_name(f"{target.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        make(half)
        half.rename(target)
    return target
