"""Every group of figures by its name, which is also that of its file in benchmarks/results/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.common.results import Result
from benchmarks.figures.decisions import choices, claims
from benchmarks.figures.quality import networks, searches
from benchmarks.figures.robustness import backends, disturbed, limits, tested
from benchmarks.figures.speed import trials, workers
from benchmarks.figures.statistics import insights, intervals
from benchmarks.figures.use import exported, heat_maps, predictions

Render = Callable[[Result], str]


@dataclass(frozen=True)
class Group:
    """How a group of figures is written.

    Attributes:
        render: The Markdown that stands between the marks of a page.
        brief: A few words for the list of all benchmarks.
    """

    render: Render
    brief: Render


EXCERPTS: Mapping[str, tuple[str, Render]] = {"quickstart": ("whole-run-example", searches.quickstart)}
"""Other ways to show the result of a group, by name: the group, and how it is written."""

GROUPS: Mapping[str, Group] = {
    "whole-run": Group(searches.whole_run, searches.whole_run_brief),
    "whole-run-example": Group(searches.whole_run_example, searches.whole_run_brief),
    "whole-run-short": Group(searches.whole_run_example, searches.whole_run_brief),
    "vs-plain-loop": Group(trials.vs_plain_loop, trials.vs_plain_loop_brief),
    "lower-bound": Group(trials.lower_bound, trials.lower_bound_brief),
    "same-accuracy": Group(searches.same_accuracy, searches.same_accuracy_brief),
    "overhead": Group(trials.overhead, trials.overhead_brief),
    "workers": Group(workers.workers, workers.workers_brief),
    "cluster-transport": Group(workers.cluster_transport, workers.cluster_transport_brief),
    "suffix-step": Group(trials.suffix_step, trials.suffix_step_brief),
    "precision": Group(trials.precision, trials.precision_brief),
    "scale": Group(trials.scale, trials.scale_brief),
    "search-quality": Group(searches.search_quality, searches.search_quality_brief),
    "from-scratch": Group(searches.from_scratch, searches.from_scratch_brief),
    "export-proofs": Group(exported.export_proofs, exported.export_proofs_brief),
    "serving": Group(exported.serving, exported.serving_brief),
    "explain": Group(heat_maps.explain, heat_maps.explain_brief),
    "localisation": Group(heat_maps.localisation, heat_maps.localisation_brief),
    "finer-maps": Group(heat_maps.finer_maps, heat_maps.finer_maps_brief),
    "finer-maps-more-seeds": Group(heat_maps.finer_maps, heat_maps.finer_maps_brief),
    "networks": Group(networks.networks, networks.networks_brief),
    "predict-throughput": Group(predictions.predict_throughput, predictions.predict_throughput_brief),
    "selection-bias": Group(choices.selection_bias, choices.selection_bias_brief),
    "choice": Group(choices.choice, choices.choice_brief),
    "unfinished": Group(claims.unfinished, claims.unfinished_brief),
    "recorded-curves": Group(claims.recorded_curves, claims.recorded_curves_brief),
    "corrected": Group(choices.corrected, choices.corrected_brief),
    "early-stop": Group(choices.early_stop, choices.early_stop_brief),
    "time-to-accuracy": Group(searches.time_to_accuracy, searches.time_to_accuracy_brief),
    "choosing-weights": Group(networks.choosing_weights, networks.choosing_weights_brief),
    "many-candidates": Group(networks.many_candidates, networks.many_candidates_brief),
    "more-networks": Group(networks.more_networks, networks.more_networks_brief),
    "depthwise": Group(networks.depthwise, networks.depthwise_brief),
    "afterwards": Group(networks.afterwards, networks.afterwards_brief),
    "claims": Group(claims.claims, claims.claims_brief),
    "calibration": Group(insights.calibration, insights.calibration_brief),
    "label-errors": Group(insights.label_errors, insights.label_errors_brief),
    "prediction-sets": Group(intervals.prediction_sets, intervals.prediction_sets_brief),
    "monitor": Group(predictions.monitor, predictions.monitor_brief),
    "coverage": Group(intervals.coverage, intervals.coverage_brief),
    "coverage-other-seed": Group(intervals.coverage_other_seed, intervals.coverage_other_seed_brief),
    "bootstrap": Group(intervals.bootstrap, intervals.bootstrap_brief),
    "wilson": Group(intervals.wilson, intervals.wilson_brief),
    "p-values": Group(intervals.p_values, intervals.p_values_brief),
    "more-data": Group(intervals.more_data, intervals.more_data_brief),
    "shuffled-labels": Group(claims.shuffled_labels, claims.shuffled_labels_brief),
    "planted-faults": Group(insights.planted_faults, insights.planted_faults_brief),
    "tested-lines": Group(tested.tested_lines, tested.tested_lines_brief),
    "memory": Group(limits.memory, limits.memory_brief),
    "kill-and-resume": Group(disturbed.kill_and_resume, disturbed.kill_and_resume_brief),
    "backends": Group(backends.backends, backends.backends_brief),
    "soak": Group(disturbed.soak, disturbed.soak_brief),
    "many-workers": Group(workers.many_workers, workers.many_workers_brief),
    "cluster-kills": Group(disturbed.cluster_kills, disturbed.cluster_kills_brief),
    "network": Group(disturbed.network, disturbed.network_brief),
    "time-limits": Group(limits.time_limits, limits.time_limits_brief),
}
