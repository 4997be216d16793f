"""`python -m keras_latent`: the command where it is not on the PATH."""

import sys

from keras_latent.src.cli.cli import main

if __name__ == "__main__":
    sys.exit(main())
