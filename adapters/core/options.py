"""Options that every adapter has, beside its own."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.core.shapes import Option

#: options that every adapter has
COMMON: Mapping[str, Option] = {
    "page_size": Option(help="rows a page; 0: what suits the platform", default=0),
    "detail_threads": Option(help="details asked for side by side, where the list gives ids only", default=4),
    "rate_per_s": Option(help="calls per second to each method; 0: what the adapter knows", default=0.0),
    "ship_within_h": Option(
        help="hours from payment to the latest shipping time, where the platform does not send it; 0: none",
        default=48.0,
    ),
}
