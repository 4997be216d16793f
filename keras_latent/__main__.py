"""`python -m keras_latent`: the command `keras-latent`, if it is not on the PATH."""

import sys

from keras_latent.src.cli.cli import main

if __name__ == "__main__":
    sys.exit(main())
