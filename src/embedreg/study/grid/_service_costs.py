"""What a study would ask of embedding services, and what that would cost. Nothing is sent."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from embedreg.embed import is_service
from embedreg.serialize import input_numbers
from embedreg.study._rows import take
from embedreg.study.grid._cells import text_embedder
from embedreg.study.grid._plan import items_with_texts_of_their_own
from embedreg.study.grid._profiles import profiles_of
from embedreg.study.grid._run import split_of

if TYPE_CHECKING:
    from embedreg.embed import EmbeddingPlan
    from embedreg.study.grid._cells import Item
    from embedreg.study.grid._plan import Plan
    from embedreg.study.grid._spec import StudySpec
    from embedreg.study.grid._store import StudyStore


def plan_services(spec: StudySpec, store: StudyStore, plan: Plan) -> dict[str, EmbeddingPlan]:
    """Return what the unfinished cells and profiles would ask of services, by representation.

    Models that run on this machine are not in it. Reads the tasks' data and writes the texts; a text that two
    representations send is counted for both.

    Raises
    ------
    UsageError, DataError
        If a task's data cannot be read.
    """
    items = items_with_texts_of_their_own([cell for _, cell in plan.left_here()])
    asked = {profile.key(): profile for profile in profiles_of(spec)}
    measured = store.get("profiles", asked)
    profiles = [profile for key, profile in asked.items() if key not in measured]
    chosen = [*(item.representation for item in items), *(profile.representation for profile in profiles)]
    representations = {representation.name: representation for representation in chosen}
    embedders = {name: text_embedder(r).restore() for name, r in representations.items()}
    services = {name: embedder for name, embedder in embedders.items() if is_service(embedder.embedder_)}
    texts: defaultdict[str, dict[str, None]] = defaultdict(dict)  # distinct ones, in order
    for item in items:
        if item.representation.name in services:
            texts[item.representation.name] |= dict.fromkeys(_texts(item))
    for profile in profiles:
        if profile.representation.name in services:
            texts[profile.representation.name] |= dict.fromkeys(profile.texts())
    return {name: services[name].plan(list(distinct)) for name, distinct in texts.items()}


def _texts(item: Item) -> list[str]:
    """Return the texts that running an item embeds."""
    data = item.task.load(item.seed, item.rows)
    _, rows = split_of(item, input_numbers(data.records))
    return text_embedder(item.representation).texts(take(data.records, rows))
