"""The progress bar, and the only module that knows Rich.

    importing dump.rdb ━━━━━━━━━━━╸━━━━━━━ 57%  160.2/281.0 MB  412,000 keys/s  0:00:03

On a narrow terminal the bar keeps what matters most: the label, the share and the time left.
Without a known total it pulses and counts.
"""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import DownloadColumn as BytesColumn
from rich.progress import TimeRemainingColumn as EtaColumn
from rich.text import Text

NARROW = 70


class Rate(ProgressColumn):
    """Keys a second, over the whole run: steadier than the last moment."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.fields['keys_per_s']:,.0f} keys/s")


class Bar:
    """One bar on stderr, gone when the work is done."""

    def __init__(self, label: str) -> None:
        console = Console(stderr=True)
        shown: list[ProgressColumn] = [TextColumn("{task.description}", markup=False)]
        if console.width >= NARROW:
            shown += [BarColumn(), TextColumn("{task.percentage:>3.0f}%"), BytesColumn(), Rate()]
        else:
            shown += [TextColumn("{task.percentage:>3.0f}%")]
        shown += [EtaColumn()]
        self.progress = Progress(*shown, console=console, transient=True)
        self.task: TaskID = self.progress.add_task(label, total=None, keys_per_s=0.0)

    def update(self, done: int, total: int, keys_per_s: float) -> None:
        """Shows how far the work is; the first time, it makes the bar appear."""
        self.progress.update(self.task, completed=done, total=total or None, keys_per_s=keys_per_s)
        self.progress.start()

    def close(self) -> None:
        """Takes the bar away."""
        self.progress.stop()
