"""Becomes another program, which the kernel (Linux) ends when the process that started it dies.

`python -I -S tether.py SIGNAL PARENT PROGRAM [ARGUMENT...]`; on other systems the watchdog alone does this.
Not done between fork and exec, where a Python that has threads can hang.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(number: signal.Signals, parent: int, argv: list[str]) -> None:
    """Ask for the signal, then turn into the program."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before we could ask
            sys.exit(1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and that would be handed on
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main(signal.Signals[sys.argv[1]], int(sys.argv[2]), sys.argv[3:])
