"""The table of an ensemble's members in docs/ensemble.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from embedreg.ensemble import MEMBERS

if TYPE_CHECKING:
    from embedreg.ensemble import Member

_PLACE = re.compile(r"(<!-- members: written by .*? -->\n).*?(<!-- members: end -->)", flags=re.DOTALL)


def with_members_table(page: str) -> str:
    """Return the page with the table between its marks written anew."""
    rows = ["| member | representation | head | from effort | left out |", "|---" * 5 + "|"]
    rows += [_row(member) for member in MEMBERS]
    return _PLACE.sub(lambda marks: marks[1] + "\n".join(rows) + "\n" + marks[2], page)


def _row(member: Member) -> str:
    limits = (
        None if member.most_rows is None else f"above {member.most_rows:,} rows",
        None if member.most_columns is None else f"above {member.most_columns:,} columns",
        None if member.takes_weights else "with sample weights",
    )
    left_out = ", ".join(limit for limit in limits if limit)
    cells = (member.name, member.representation, f"`{member.head}`", member.effort, left_out)
    return f"| {' | '.join(cells)} |"
