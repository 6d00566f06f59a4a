"""Metrics: how far the maps of a method can be believed, each beside maps that know nothing of the model."""

from visualize.metrics.annotation import with_faithfulness as with_faithfulness
from visualize.metrics.baselines import BASELINES as BASELINES
from visualize.metrics.baselines import baseline_maps as baseline_maps
from visualize.metrics.completeness import completeness as completeness
from visualize.metrics.complexity import effective_area as effective_area
from visualize.metrics.complexity import entropy as entropy
from visualize.metrics.complexity import gini as gini
from visualize.metrics.deletion import deletion as deletion
from visualize.metrics.deletion import insertion as insertion
from visualize.metrics.fidelity import mu_fidelity as mu_fidelity
from visualize.metrics.fidelity import sensitivity_n as sensitivity_n
from visualize.metrics.imputation import road as road
from visualize.metrics.infidelity import infidelity as infidelity
from visualize.metrics.localization import mass_in_region as mass_in_region
from visualize.metrics.localization import pointing_game as pointing_game
from visualize.metrics.localization import rank_in_region as rank_in_region
from visualize.metrics.localization import top_k_intersection as top_k_intersection
from visualize.metrics.randomization import Randomization as Randomization
from visualize.metrics.randomization import randomization as randomization
from visualize.metrics.record import Comparison as Comparison
from visualize.metrics.record import Faithfulness as Faithfulness
from visualize.metrics.robustness import Sensitivity as Sensitivity
from visualize.metrics.robustness import sensitivity as sensitivity
