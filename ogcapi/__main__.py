"""`python -m ogcapi`: the same as the command `ogcapi`."""

from ogcapi.cli import main

if __name__ == "__main__":
    main()
