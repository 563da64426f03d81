"""`python -m distributor`: the same as the command `distributor`."""

from distributor.cli import main

if __name__ == "__main__":
    main()
