"""Every group of figures by its name, which is also that of its file in benchmarks/results/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.common.results import Result
from benchmarks.figures import (
    afterwards,
    candidates,
    clusters,
    doubts,
    exported,
    insights,
    limits,
    maps,
    network,
    precision,
    quality,
    searches,
    simulations,
    speed,
)

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


GROUPS: Mapping[str, Group] = {
    "whole-run": Group(quality.whole_run, quality.whole_run_brief),
    "whole-run-example": Group(quality.whole_run_example, quality.whole_run_brief),
    "whole-run-short": Group(quality.whole_run_example, quality.whole_run_brief),
    "vs-plain-loop": Group(speed.vs_plain_loop, speed.vs_plain_loop_brief),
    "lower-bound": Group(speed.lower_bound, speed.lower_bound_brief),
    "same-accuracy": Group(quality.same_accuracy, quality.same_accuracy_brief),
    "overhead": Group(speed.overhead, speed.overhead_brief),
    "workers": Group(speed.workers, speed.workers_brief),
    "cluster-transport": Group(speed.cluster_transport, speed.cluster_transport_brief),
    "precision": Group(precision.precision, precision.precision_brief),
    "scale": Group(speed.scale, speed.scale_brief),
    "search-quality": Group(quality.search_quality, quality.search_quality_brief),
    "from-scratch": Group(quality.from_scratch, quality.from_scratch_brief),
    "export-proofs": Group(exported.export_proofs, exported.export_proofs_brief),
    "serving": Group(exported.serving, exported.serving_brief),
    "explain": Group(quality.explain, quality.explain_brief),
    "localisation": Group(quality.localisation, quality.localisation_brief),
    "finer-maps": Group(maps.finer_maps, maps.finer_maps_brief),
    "finer-maps-more-seeds": Group(maps.finer_maps, maps.finer_maps_brief),
    "networks": Group(quality.networks, quality.networks_brief),
    "predict-throughput": Group(speed.predict_throughput, speed.predict_throughput_brief),
    "selection-bias": Group(simulations.selection_bias, simulations.selection_bias_brief),
    "choice": Group(simulations.choice, simulations.choice_brief),
    "unfinished": Group(searches.unfinished, searches.unfinished_brief),
    "recorded-curves": Group(searches.recorded_curves, searches.recorded_curves_brief),
    "corrected": Group(searches.corrected, searches.corrected_brief),
    "early-stop": Group(searches.early_stop, searches.early_stop_brief),
    "time-to-accuracy": Group(searches.time_to_accuracy, searches.time_to_accuracy_brief),
    "choosing-weights": Group(quality.choosing_weights, quality.choosing_weights_brief),
    "many-candidates": Group(candidates.many_candidates, candidates.many_candidates_brief),
    "depthwise": Group(searches.depthwise, searches.depthwise_brief),
    "afterwards": Group(afterwards.afterwards, afterwards.afterwards_brief),
    "claims": Group(insights.claims, insights.claims_brief),
    "calibration": Group(insights.calibration, insights.calibration_brief),
    "label-errors": Group(insights.label_errors, insights.label_errors_brief),
    "prediction-sets": Group(doubts.prediction_sets, doubts.prediction_sets_brief),
    "monitor": Group(doubts.monitor, doubts.monitor_brief),
    "coverage": Group(simulations.coverage, simulations.coverage_brief),
    "coverage-other-seed": Group(simulations.coverage_other_seed, simulations.coverage_other_seed_brief),
    "bootstrap": Group(simulations.bootstrap, simulations.bootstrap_brief),
    "wilson": Group(simulations.wilson, simulations.wilson_brief),
    "p-values": Group(simulations.p_values, simulations.p_values_brief),
    "more-data": Group(simulations.more_data, simulations.more_data_brief),
    "shuffled-labels": Group(simulations.shuffled_labels, simulations.shuffled_labels_brief),
    "planted-faults": Group(simulations.planted_faults, simulations.planted_faults_brief),
    "memory": Group(speed.memory, speed.memory_brief),
    "kill-and-resume": Group(speed.kill_and_resume, speed.kill_and_resume_brief),
    "backends": Group(candidates.backends, candidates.backends_brief),
    "soak": Group(speed.soak, speed.soak_brief),
    "many-workers": Group(clusters.many_workers, clusters.many_workers_brief),
    "cluster-kills": Group(clusters.cluster_kills, clusters.cluster_kills_brief),
    "network": Group(network.network, network.network_brief),
    "time-limits": Group(limits.time_limits, limits.time_limits_brief),
}
