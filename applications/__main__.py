"""`python -m keras_latent.applications`, the command where it is not on the PATH."""

import sys

from keras_latent.applications.cli import main

sys.exit(main())
