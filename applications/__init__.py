"""Ready-built domain pairs: data, preset, training, figures and pictures in one command."""
