"""What a run looks like: at 80 and 120 columns, and where nobody looks."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import pytest
from rich.console import Console

from tlsearch.callbacks import WorkerInfo
from tlsearch.cli.console import ConsoleReporter, Screen, _Moving
from tlsearch.reporter import Reporter

DATA = "10 classes, 3,781 images (2 set aside, 8 in 4 groups kept together)   train 3,066  val 341  test 372"


def terminal(width: int) -> Console:
    """A console that believes it is a terminal and keeps what it draws."""
    return Console(file=io.StringIO(), force_terminal=True, width=width, highlight=False, color_system="truecolor")


def drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def lines(console: Console) -> list[str]:
    """What is on the screen, without colours and trailing blanks."""
    plain = Console(file=io.StringIO(), width=console.width)
    from rich.text import Text

    plain.print(Text.from_ansi(drawn(console)), end="")
    assert isinstance(plain.file, io.StringIO)
    return [line.rstrip() for line in plain.file.getvalue().splitlines()]


def talk(reporter: Reporter) -> None:
    reporter.say("data", DATA)
    reporter.say("plan", "vgg16@imagenet     about 24 min")
    reporter.say("plan", "left out: vgg19 - weights not found")
    reporter.warn("the class hats has 7 images")
    reporter.say("profile", "vgg16  best 0.836")


def test_text_wraps_below_itself_at_80_columns() -> None:
    console = terminal(80)
    talk(ConsoleReporter(console))
    assert lines(console) == [
        "data      10 classes, 3,781 images (2 set aside, 8 in 4 groups kept together)",
        "          train 3,066  val 341  test 372",
        "plan      vgg16@imagenet     about 24 min",
        "          left out: vgg19 - weights not found",
        "note      the class hats has 7 images",
        "profile   vgg16  best 0.836",
    ]


def test_a_line_is_one_line_at_120_columns() -> None:
    console = terminal(120)
    talk(ConsoleReporter(console))
    assert lines(console)[0] == f"data      {DATA}"
    assert len(lines(console)) == 5


@pytest.mark.parametrize("text", ["[red]class[/red] [0.836 0.903]", "a [bold] path/[x]"])
def test_brackets_are_text(text: str) -> None:
    console = terminal(80)
    ConsoleReporter(console).say("test", text)
    assert lines(console) == [f"test      {text}"]


def test_numbers_are_coloured_and_digits_in_names_are_not() -> None:
    console = terminal(100)
    ConsoleReporter(console).say(
        "plan", "vgg16 block4_pool 0.836 3,068 efficientnet_lite0 +12% 6/18, 256, 2026-11-22 v1.2.3"
    )
    coloured = [part.split("\x1b[0m")[0] for part in drawn(console).split("\x1b[36m")[1:]]
    assert coloured == ["0.836", "3,068", "+12%", "6", "18", "256"]


def test_plain_where_it_is_no_terminal() -> None:
    stream = io.StringIO()
    reporter = ConsoleReporter(Console(file=stream, highlight=False))
    with reporter:
        talk(reporter)
        reporter.progress("search", 3, 40, "best 0.894")
        reporter.say("search", "done\nwith two lines")
    assert stream.getvalue().splitlines() == [
        f"data      {DATA}",
        "plan      vgg16@imagenet     about 24 min",
        "          left out: vgg19 - weights not found",
        "note      the class hats has 7 images",
        "profile   vgg16  best 0.836",
        "search    done",
        "          with two lines",
    ]
    assert "\x1b" not in stream.getvalue()


def test_a_long_silence_is_broken_where_it_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("tlsearch.cli.console.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    with ConsoleReporter(Console(file=stream, highlight=False)) as reporter:
        for minute in range(4):
            for quarter in range(4):
                now[0] = 60.0 * minute + 15 * quarter
                reporter.progress("search", 4 * minute + quarter, 40, f"best 0.{minute + 1}00")
        now[0] += 1
        reporter.say("search", "done")
        now[0] += 59
        reporter.progress("confirm", 1, 3, "once more")
    assert stream.getvalue().splitlines() == [
        "search    4/40  best 0.200  9m 00s left",
        "          8/40  best 0.300  8m 00s left",
        "          12/40  best 0.400  7m 00s left",
        "          done",
    ]


def wait(moving: _Moving, seconds: float) -> None:
    """Let ``seconds`` pass for the paces of a line."""
    moving._paces = {unit: replace(pace, began=pace.began - seconds) for unit, pace in moving._paces.items()}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_moving_line_fits_on_one_line(width: int) -> None:
    moving = _Moving("search")
    moving.update(3, 40, "")
    wait(moving, 200)
    moving.update(23, 40, "best 0.894  efficientnet_lite0@imagenet, freeze 13/18, head 256, " * 2)
    console = terminal(width)
    console.print(moving)
    (line,) = lines(console)
    assert line.startswith("search    ")
    assert "  23/40  best 0.894" in line
    # 20 trials took 200 s, 17 are left.
    assert line.endswith("…  2m 50s left")
    assert len(line) <= width


def test_the_first_twentieth_of_a_step_says_nothing_of_the_time_left() -> None:
    moving = _Moving("baseline")
    moving.update(0.0, 1, "")
    wait(moving, 300)
    moving.update(0.03, 1, "compiling")
    assert moving.plain() == "3%  compiling"
    moving.update(0.5, 1, "training")
    assert moving.plain() == "50%  training  5m 00s left"


def test_no_more_time_is_left_than_there_is() -> None:
    moving = _Moving("search")
    moving.update(0, 40, "")
    wait(moving, 100)
    moving.update(4.5, 40, "best .9", 60.0)
    assert moving.plain() == "4/40  best .9  1m 00s left"
    moving.update(4.5, 40, "best .9", -1.0)
    assert moving.plain() == "4/40  best .9  0s left"
    moving.update(4.0, 40, "best .9", 5000.0)
    assert moving.plain() == "4/40  best .9  15m 00s left"


def test_what_is_counted_in_turns_has_a_pace_of_its_own() -> None:
    """Trials, and the images of a view within one."""
    moving = _Moving("search")
    moving.update(0, 4, "")
    wait(moving, 100)
    moving.update(0, 2000, "features")
    wait(moving, 10)
    moving.update(1000, 2000, "features")
    assert moving.plain() == "1,000/2,000  features  10s left"
    moving.update(1, 4, "trial")
    assert moving.plain() == "1/4  trial  5m 30s left"
    moving.update(0, 2000, "the next view")
    assert moving.plain() == "0/2,000  the next view"
    wait(moving, 10)
    moving.update(2000, 2000, "the next view")
    wait(moving, 600)
    moving.update(128, 2000, "a third view, which is first heard of late")
    wait(moving, 10)
    moving.update(1064, 2000, "a third view")
    assert moving.plain() == "1,064/2,000  a third view  10s left"


def test_a_trial_that_is_repeated_keeps_the_pace_of_the_search() -> None:
    moving = _Moving("search")
    moving.update(0, 40, "")
    wait(moving, 100)
    moving.update(10.5, 40, "trial 11")
    moving.update(10, 40, "trial 11, once more")
    assert moving.plain() == "10/40  trial 11, once more  5m 00s left"


def test_the_moving_line_says_percent_where_nothing_is_counted() -> None:
    moving = _Moving("profile")
    moving.update(0.25, 1, "vgg16")
    console = terminal(80)
    console.print(moving)
    assert "  25%  vgg16" in lines(console)[0]
    assert "left" not in lines(console)[0]


def test_the_moving_line_vanishes() -> None:
    console = terminal(80)
    with ConsoleReporter(console) as reporter:
        reporter.progress("search", 1, 4, "one")
        reporter.say("search", "first line")
        reporter.progress("search", 2, 4, "two")
        assert reporter._live is not None
        reporter.say("confirm", "second line")
        assert reporter._live is None
        reporter.progress("test", 1, 1, "three")
    assert reporter._live is None
    # The cursor is shown again, and the last thing on the screen is not the bar.
    assert drawn(console).rstrip().endswith("\x1b[2K")
    assert drawn(console).count("\x1b[?25h") == drawn(console).count("\x1b[?25l") == 2


def test_a_reader_who_has_gone_is_no_error() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    for forced in (False, True):
        with ConsoleReporter(Screen(file=Broken(), force_terminal=forced)) as reporter:
            talk(reporter)
            reporter.progress("search", 1, 2, "x")
        assert reporter.console.quiet


def test_progress_returns_at_once() -> None:
    console = terminal(80)
    with ConsoleReporter(console) as reporter:
        started = time.monotonic()
        for done in range(2000):
            reporter.progress("search", done, 2000, "best 0.5")
        assert time.monotonic() - started < 5  # each of them drawn would take a minute


def test_each_worker_has_a_line_below_the_moving_one() -> None:
    moving = _Moving("search")
    moving.update(3, 40, "best 0.894")
    moving.workers = [
        WorkerInfo(number=1, node="node7", kind="trial", subject="vgg16@imagenet, freeze 13/18", seconds=34.6),
        WorkerInfo(number=2, node="node8"),
        WorkerInfo(number=3, kind="from_scratch", subject="a network with a name that is so long that it is cut " * 3),
    ]
    console = terminal(80)
    console.print(moving)
    assert lines(console)[1:3] == [
        "          worker 1  node7  trial  vgg16@imagenet, freeze 13/18  35s",
        "          worker 2  node8  idle",
    ]
    assert lines(console)[3].startswith("          worker 3  from scratch  a network with a name")
    assert all(len(line) <= 80 for line in lines(console))
    moving.workers = [WorkerInfo(number=number) for number in range(1, 13)]
    console = terminal(80)
    console.print(moving)
    assert lines(console)[-1] == "          and 4 more workers"
    assert len(lines(console)) == 10


def test_workers_are_shown_in_a_terminal_only() -> None:
    workers = [WorkerInfo(number=1, kind="trial", subject="vgg16", seconds=3.0)]
    console = Console(file=io.StringIO(), width=80)
    with ConsoleReporter(console) as reporter:
        reporter.progress("search", 1, 4, "")
        reporter.workers(workers)
    assert drawn(console) == ""
    console = terminal(80)
    with ConsoleReporter(console) as reporter:
        reporter.workers(workers)  # before there is a line
        reporter.progress("search", 1, 4, "")
        reporter.workers(workers)
    assert "worker 1  trial  vgg16  3s" in "\n".join(lines(console))
