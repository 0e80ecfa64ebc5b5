"""``python -m dlprov`` is ``dlprov``."""

from dlprov.cli import main

if __name__ == "__main__":
    main()
