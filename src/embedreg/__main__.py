"""`python -m embedreg` is the command `embedreg`."""

from embedreg.cli import main

if __name__ == "__main__":
    main()
