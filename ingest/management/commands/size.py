"""Print what a number of posts a day needs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from ingest.management.sizing import CPU_MS, Demand, Prices, Size, size_of


class Command(BaseCommand):
    help = "Compute cores, memory and the Firestore bill for a number of posts a day."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        default, prices = Demand(0), Prices()
        add = parser.add_argument
        add("--posts-per-day", type=int, required=True)
        add(
            "--characters",
            type=int,
            default=default.characters,
            help="characters of a post (%(default)s)",
        )
        add(
            "--peak",
            type=float,
            default=default.peak,
            help="busiest hour as a multiple of the average (%(default)s)",
        )
        add(
            "--busy",
            type=float,
            default=default.busy,
            help="part of a core used at the peak (%(default)s)",
        )
        add("--alone", action="store_true", help="save posts one by one, not merged")
        add("--reads-per-day", type=int, default=0, help="documents that pages and lists read")
        add("--write-price", type=float, default=prices.writes, help="$ per 100,000 (%(default)s)")
        add("--read-price", type=float, default=prices.reads, help="$ per 100,000 (%(default)s)")
        add(
            "--stored-price",
            type=float,
            default=prices.stored,
            help="$ per GiB-month (%(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        invalid = [n for n in ("posts_per_day", "characters", "peak", "busy") if options[n] <= 0]
        if invalid:
            raise CommandError(f"--{invalid[0].replace('_', '-')} must be more than 0.")
        prices = Prices(options["write_price"], options["read_price"], options["stored_price"])
        demand = Demand(
            posts_per_day=options["posts_per_day"],
            characters=options["characters"],
            peak=options["peak"],
            busy=options["busy"],
            merged=not options["alone"],
            reads=options["reads_per_day"],
            prices=prices,
        )
        _print(demand, size_of(demand), Console(file=self.stdout, width=100))  # type: ignore[arg-type]


def _print(demand: Demand, size: Size, console: Console) -> None:
    title = f"{demand.posts_per_day:,} posts a day, {demand.per_second:.1f} a second at the peak"
    table = Table("need", "amount", "source", title=title)
    for role, cores in size.cores.items():
        source = f"{CPU_MS[role]} ms a post of 1,300 characters (make bench)"
        table.add_row(f"cores for {role}", f"{cores:.2f}", source)
    table.add_row("cores in total", str(size.whole_cores), "each used up to --busy")
    children = f"INGEST_EXTRACT_CONCURRENCY={size.extract_children}"
    table.add_row(
        "extract processes", str(size.extract_children), f"{children}, on all machines together"
    )
    table.add_section()
    for role, memory in size.memory.items():
        table.add_row(f"MB for {role}", f"{memory:,}", "make bench LONG=1, make load")
    table.add_row("MB in total", f"{sum(size.memory.values()):,}", "without the emulator")
    table.add_section()
    merged = "merged under load" if demand.merged else "one post a commit"
    table.add_row("documents written a day", f"{size.writes_per_day:,}", f"make bench, {merged}")
    for name, dollars in size.bill.items():
        table.add_row(f"$ a month, {name}", f"{dollars:,.2f}", "list prices of November 2026")
    console.print(table)
