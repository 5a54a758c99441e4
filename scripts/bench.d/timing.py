"""Runs commands one after the other, and says what they used.

A process of its own, and a small one: the peak of a child's memory begins with what its parent holds.
Takes {"commands": [[…], …], "log": PATH} on stdin, and answers on stdout in seconds and bytes;
`failed` is the number of the command that ended badly and its status.
"""

import json
import os
import sys
import time


def spawn(command, log):
    """Runs a command to its end; returns its status, and what it and its children used."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, log, 1),
        (os.POSIX_SPAWN_DUP2, log, 2),
    ]
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, used = os.wait4(process, 0)
    return os.waitstatus_to_exitcode(status), used


def main():
    work = json.load(sys.stdin)
    log = os.open(work["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    failed, cpu, memory = None, 0.0, 0
    begun = time.monotonic()
    for number, command in enumerate(work["commands"]):
        status, used = spawn(command, log)
        cpu += used.ru_utime + used.ru_stime
        memory = max(memory, used.ru_maxrss * 1024)
        if status != 0:
            failed = [number, status]
            break
    seconds = time.monotonic() - begun
    json.dump({"seconds": seconds, "cpu": cpu, "memory": memory, "failed": failed}, sys.stdout)


main()
