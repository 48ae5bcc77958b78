"""`python -m midaz_seed` is `midaz-seed`."""

from midaz_seed.cli import main

if __name__ == "__main__":
    main()
