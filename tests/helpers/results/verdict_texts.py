"""Every text that a verdict shows, in order, whatever the form is."""

from __future__ import annotations

from tlsearch.report.verdict.lines import shown_verdict
from tlsearch.results.result import RunResult


def verdict_texts(result: RunResult) -> list[str]:
    """Answers with their evidence and commands, then the next steps with theirs."""
    shown, texts = shown_verdict(result), []
    for answer in shown.answers:
        texts += [answer.said, *answer.evidence, answer.command]
    for step in shown.next_steps:
        texts += [step.said, step.command]
    return [text for text in texts if text is not None]
