"""Metrics: how far the maps of a method can be believed, each beside maps that know nothing of the model."""

from visualize.metrics.baselines import BASELINES as BASELINES
from visualize.metrics.baselines import baseline_maps as baseline_maps
from visualize.metrics.deletion import deletion as deletion
from visualize.metrics.deletion import insertion as insertion
from visualize.metrics.record import Comparison as Comparison
from visualize.metrics.record import Faithfulness as Faithfulness
