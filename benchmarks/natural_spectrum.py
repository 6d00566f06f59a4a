"""The spectrum that "maco" keeps by default, computed anew: python -m benchmarks.natural_spectrum."""

import numpy as np
import skimage.data

from visualize.feature_visualization.spectrum import SHIPPED, measured_spectrum

if __name__ == "__main__":
    photographs = [skimage.data.chelsea(), skimage.data.coffee(), skimage.data.rocket()]
    np.savez_compressed(SHIPPED, spectrum=measured_spectrum(photographs))
    print(SHIPPED)
