"""A measurement that ends badly, as its environment says."""

import os
import signal
import sys

if __name__ == "__main__":
    how = os.environ["BADLY"]
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "hangs":
        signal.pause()
    elif how == "memory":
        from automl_core.backends.apart import limit

        limit(int(sys.argv[2]))
        print(len(bytearray(1 << 40)))
    else:
        print("no result")
