"""The command `ogcapi`, also as `python -m ogcapi`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is imported: requests have threads of their own

from ogcapi.cli import main

if __name__ == "__main__":
    main()
