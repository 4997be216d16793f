from keras_latent.src.utils.domains import OTHER as OTHER
