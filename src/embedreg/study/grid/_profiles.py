"""Distance profiles of a study: measured once, kept with its cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats

from embedreg.core.progress import progress_bar
from embedreg.smoothness import distance_profile
from embedreg.study.grid._cells import digest, representation_identity, text_embedder
from embedreg.study.grid._rows import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.smoothness import DistanceProfile
    from embedreg.study.grid._spec import ProfileSpec, RepresentationSpec, StudySpec
    from embedreg.study.grid._store import StudyStore

_VERSION: Final = 1  # to be raised when a change of the code changes numbers
_CENTER: Final = 2.5  # the reference point lies in the middle half of the box, as balls grow beyond it


@dataclass(frozen=True, eq=False)
class Profile:
    """One profile to measure."""

    representation: RepresentationSpec
    spec: ProfileSpec
    seed: int

    def key(self) -> str:
        """Return a digest of everything that decides its numbers."""
        return digest(
            {
                "profile": _VERSION,
                "representation": representation_identity(self.representation),
                "dof": self.spec.dof,
                "radii": list(self.spec.radii),
                "samples": self.spec.samples,
                "seed": self.seed,
            }
        )

    def measure(self) -> dict[str, Any]:
        """Return medians by radius, and Spearman's correlation of distances before and after embedding."""
        found = self._profile(self._embed)
        correlation = stats.spearmanr(found.input_distances.ravel(), found.embedding_distances.ravel())
        return {
            "representation": self.representation.name,
            "dof": self.spec.dof,
            "seed": self.seed,
            "radii": found.radii.tolist(),
            "embedding_distance": np.median(found.embedding_distances, axis=1).tolist(),
            "spearman": float(correlation.statistic),
        }

    def texts(self) -> list[str]:
        """Return the texts that `measure` embeds."""
        asked: list[str] = []

        def remember(points: NDArray[np.float64]) -> Array:
            asked.extend(text_embedder(self.representation).texts(_records(points)))
            return np.zeros((len(points), 1), np.float32)

        self._profile(remember)
        return asked

    def _profile(self, embed: Callable[[NDArray[np.float64]], Array]) -> DistanceProfile:
        rng = np.random.default_rng(self.seed)
        center = rng.uniform(-_CENTER, _CENTER, size=self.spec.dof)
        return distance_profile(embed, center, self.spec.radii, samples=self.spec.samples, seed=self.seed)

    def _embed(self, points: NDArray[np.float64]) -> Array:
        records = _records(points)
        return text_embedder(self.representation).fit(records).transform(records)


def _records(points: NDArray[np.float64]) -> list[dict[str, float]]:
    return [{f"x{i + 1}": float(x) for i, x in enumerate(point)} for point in points]


def profiles_of(spec: StudySpec) -> Iterator[Profile]:
    """Yield every profile that a study asks for."""
    for profile in spec.profiles:
        for representation in profile.representations:
            for seed in profile.seeds:
                yield Profile(representation, profile, seed)


def run_profiles(spec: StudySpec, store: StudyStore) -> None:
    """Measure the profiles that the store does not have."""
    asked = {profile.key(): profile for profile in profiles_of(spec)}
    known = store.get("profiles", asked)
    with progress_bar(len(asked), "distance profiles", "profile", initial=len(known)) as bar:
        for key, profile in asked.items():
            if key not in known:
                store.add("profiles", {key: profile.measure()})
                bar.update()


def profile_rows(spec: StudySpec, store: StudyStore) -> list[dict[str, Any]]:
    """Return the profiles that were measured with their keys, under the names that this study gives to representations."""
    asked = dict.fromkeys((profile.key(), profile.representation.name) for profile in profiles_of(spec))
    found = store.get("profiles", (key for key, _ in asked))
    return [found[key] | {"representation": name, KEY: key} for key, name in asked if key in found]
