"""The ensemble: representations computed once, members judged on the same folds, their best mean kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self, cast

import numpy as np
from sklearn.utils import gen_batches

from embedreg.core.each_text_once import each_text_once
from embedreg.core.errors import DataError, unknown_name
from embedreg.core.protocols import SavedState
from embedreg.ensemble._acquisition import check_acquisition, ranking
from embedreg.ensemble._combination import Combination, Unlike
from embedreg.ensemble._context import Context
from embedreg.ensemble._explanation import Explanation
from embedreg.ensemble._fitting import FEATURES, Fitting
from embedreg.ensemble._members import EFFORTS, KINDS, members_of
from embedreg.ensemble._newness import by_newness, warn_of_few
from embedreg.ensemble._novelty import Novelty
from embedreg.ensemble._representations import REPRESENTATIONS
from embedreg.ensemble._text_fields import MOST_FIELDS, further_text_fields
from embedreg.serialize import input_hashes, input_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record
    from embedreg.embed import EmbeddingPlan
    from embedreg.ensemble._members import Member
    from embedreg.ensemble._representations import MemberInput
    from embedreg.ensemble._tabular_inputs import Features
    from embedreg.text_embedder import TextEmbedder

MOST_JUDGED: Final = 2000
"""Members are chosen on a random sample of so many rows; those chosen are fitted to all rows."""

MIN_ROWS: Final = 4
_FUNCTIONS: Final = 512  # drawn for suggestions
_AT_ONCE: Final = 1000  # records of which all functions' numbers are held: 4 MB, and 16 MB on the way to them


class Ensemble:
    """Representations and heads chosen and weighted on training rows alone.

    Parameters
    ----------
    effort
        "fast", "balanced" or "best": which members are tried, and on how many folds.
    kinds
        Of the members that are tried: "tabular", "embedding" or both.
    text
        Parameters of `TextEmbedder` that are to hold for all embeddings.
    random_state
        Seed of the folds and of everything else that is random.

    Attributes
    ----------
    combinations_ : list of Combination
        One a target.
    explanations_ : list of Explanation
        One a target.
    inputs_ : dict
        The representations that the combinations need, fitted.
    novelty_ : Novelty
        How far a row is from the training rows.
    measured_ : ndarray of shape (m,)
        The hashes of the training inputs, ascending, each once.
    fields_ : frozenset of str, or None
        The fields that training records had, which alone tell inputs apart; None if a model saved earlier does not say.
    """

    combinations_: list[Combination]
    explanations_: list[Explanation]
    inputs_: dict[str, MemberInput]
    novelty_: Novelty
    measured_: NDArray[np.uint64]
    fields_: frozenset[str] | None

    def __init__(
        self,
        *,
        effort: str = "balanced",
        kinds: tuple[str, ...] = KINDS,
        text: Mapping[str, Any] | None = None,
        random_state: int = 0,
    ) -> None:
        self.effort = effort
        self.kinds = kinds
        self._context = Context(dict(text or {}), random_state)

    @each_text_once()
    def fit(
        self, records: Sequence[Record], y: NDArray[np.float64], weight: NDArray[np.float64] | None = None
    ) -> Self:
        """Choose and fit members.

        Parameters
        ----------
        records
            n mappings or texts.
        y
            Shape (n, targets).
        weight
            Shape (n,), or None.

        Raises
        ------
        UsageError
            If the effort is unknown.
        DataError
            If there are fewer than 4 records, or two different ones.
        """
        fields = frozenset(name for record in records if isinstance(record, Mapping) for name in record)
        measured = np.unique(input_hashes(records, fields))  # those of no weight too
        records, y, weight = _counting_rows(records, y, weight)
        inputs = input_numbers(records)
        if len(records) < MIN_ROWS or len(np.unique(inputs)) < 2:
            raise DataError(
                f"{len(records)} records, {len(np.unique(inputs))} of them different "
                f"(Found array with {len(records)} sample(s))",
                expected=f"at least {MIN_ROWS} records, two of them different, to choose on",
                mend="give more data, or name a head, such as ridge",
            )
        members, left_out = self._members(records, weight)
        left_out |= dict.fromkeys(further_text_fields(records), f"more than {MOST_FIELDS} fields with texts")
        judged = self._sample(len(records))
        fitting = Fitting(self._context, self.effort, members, records, inputs, judged)
        left_out |= fitting.left_out
        found = [fitting.target(column, weight) for column in np.ascontiguousarray(y.T)]
        self.combinations_ = [combination for combination, _ in found]
        self.explanations_ = [dataclasses.replace(explanation, left_out=left_out) for _, explanation in found]
        self.novelty_ = fitting.novelty()
        self.measured_, self.fields_ = measured, fields
        used = {member.representation for combination in self.combinations_ for member in combination.members}
        used.add(FEATURES)
        self.inputs_ = {name: fitted for name, fitted in fitting.fitted.items() if name in used}
        return self

    def _members(
        self, records: Sequence[Record], weight: NDArray[np.float64] | None
    ) -> tuple[list[Member], dict[str, str]]:
        """Return the members to try on these records, and why the others are left out."""
        if self.effort not in EFFORTS:
            raise unknown_name("effort", self.effort, EFFORTS)
        if "embedding" in self.kinds:
            self._context.check()
        members: list[Member] = []
        left_out: dict[str, str] = {}
        enough = EFFORTS[EFFORTS.index(self.effort) :]  # more where the records leave no member
        for effort in enough:
            for member in members_of(effort, self.kinds):
                reason = self._why_not(member, records, weight)
                if reason is None:
                    members.append(member)
                else:
                    left_out[member.name] = reason
            if members:
                break
        return members, left_out

    def _why_not(
        self, member: Member, records: Sequence[Record], weight: NDArray[np.float64] | None
    ) -> str | None:
        if member.most_rows is not None and len(records) > member.most_rows:
            return f"more than {member.most_rows} rows"
        if weight is not None and not member.takes_weights:
            return "it takes no weights"
        return REPRESENTATIONS[member.representation].why_not(records, self._context)

    def _sample(self, n: int) -> NDArray[np.intp]:
        if n <= MOST_JUDGED:
            return np.arange(n)
        rng = np.random.default_rng(self._context.random_state)
        return np.sort(rng.choice(n, MOST_JUDGED, replace=False))

    def plan(self, records: Sequence[Record]) -> EmbeddingPlan | None:
        """Return what `fit` would have to embed, or None if that is nothing."""
        if "embedding" not in self.kinds:
            return None
        embedder, texts = self.texts(records)
        plan: EmbeddingPlan = embedder.plan(texts)
        return plan

    def texts(self, records: Sequence[Record], new: Sequence[Record] = ()) -> tuple[TextEmbedder, list[str]]:
        """Return the texts that `fit` on records and `predict` of new ones embed at most, and the embedder."""
        names = dict.fromkeys(_read(member.representation) for member in self._members(records, None)[0])
        ways = [REPRESENTATIONS[name] for name in names if REPRESENTATIONS[name].reads_texts]
        learnt = [way.cls.learn(records, self._context) for way in ways]
        texts = [text for one in learnt for text in one.texts([*records, *new])]
        return learnt[0].embedder if learnt else self._context.embedder(), texts

    def predict(self, records: Sequence[Record]) -> NDArray[np.float64]:
        """Return predictions, shape (n, targets)."""
        vectors = self._vectors(records)
        return np.column_stack([combination.predict(vectors) for combination in self.combinations_])

    def quantiles(self, records: Sequence[Record], levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return quantiles of new targets, shape (n, targets, levels)."""
        vectors = self._vectors(records)
        unlike = self._unlike(records, vectors)
        return np.stack([c.quantiles(vectors, unlike, levels) for c in self.combinations_], axis=1)

    def functions(self, records: Sequence[Record], count: int) -> Iterator[NDArray[np.float64]]:
        """Yield what plausible functions say of the first target, (rows, count), of some records after others.

        They are the same ones each time, and for all records.
        """
        combination = self.combinations_[0]
        drawn = combination.draw(count, np.random.default_rng(self._context.random_state))
        models = combination.models(self._vectors(records))
        for some in gen_batches(len(models), _AT_ONCE):
            yield combination.functions(models[some], drawn)

    def suggest(
        self, records: Sequence[Record], k: int, *, acquisition: str, minimize: bool, best: float | None
    ) -> NDArray[np.intp]:
        """Return the positions of the k records to measure next, for the first target; as `EmbeddingRegressor.suggest`.

        Raises
        ------
        UsageError
            If there are no records, or an argument cannot be meant.

        Warns
        -----
        EmbedregWarning
            If fewer than k are new.
        """
        check_acquisition(acquisition, k, len(records), minimize=minimize, best=best)
        k, sign = int(k), 1.0 if minimize else -1.0
        seen = self.combinations_[0].scale.values
        known = float(seen[0] if minimize else seen[-1]) if best is None else best
        groups = by_newness(input_hashes(records, self.fields_), self.measured_)
        chosen: list[int] = []
        try:
            for group in groups:
                wanted = min(k - len(chosen), len(group))
                if wanted:
                    some: list[Record] = [records[i] for i in group.tolist()]
                    chosen += group[self._ranking(some, wanted, acquisition, sign, known)].tolist()
        except DataError:
            self._vectors(records)  # the same error, but its rows are the caller's
            raise
        warn_of_few(k, len(groups[0]))
        return np.array(chosen, dtype=np.intp)

    def _ranking(
        self, records: Sequence[Record], k: int, acquisition: str, sign: float, known: float
    ) -> NDArray[np.intp]:
        blocks = (sign * values for values in self.functions(records, _FUNCTIONS))
        return ranking(blocks, k, acquisition, sign * known)

    def _unlike(self, records: Sequence[Record], vectors: Mapping[str, Array]) -> Unlike:
        features = cast("Features", self.inputs_[FEATURES])
        return Unlike(self.novelty_.measure(vectors[FEATURES]), features.lacking(records))

    @each_text_once()
    def _vectors(self, records: Sequence[Record]) -> dict[str, Array]:
        return {name: fitted.transform(records) for name, fitted in self.inputs_.items()}

    def state(self) -> dict[str, SavedState]:
        """Return what it has learnt, part by part."""
        combinations = [combination.state() for combination in self.combinations_]
        config = {
            "effort": self.effort,
            "kinds": list(self.kinds),
            "fields": None if self.fields_ is None else sorted(self.fields_),
            "inputs": list(self.inputs_),
            "parts": [len(states) for states in combinations],
            "explanations": [explanation.to_json() for explanation in self.explanations_],
        }
        arrays = self.novelty_.arrays() | {"measured": self.measured_}
        parts = {"ensemble": SavedState(config, arrays)}
        parts |= {f"input-{i}": fitted.state() for i, fitted in enumerate(self.inputs_.values())}
        for target, states in enumerate(combinations):
            parts |= {f"target-{target}-{i}": state for i, state in enumerate(states)}
        return parts

    @classmethod
    def from_state(
        cls, parts: Mapping[str, SavedState], *, text: Mapping[str, Any], random_state: int
    ) -> Self:
        """Return the ensemble whose `state()` this is.

        Raises
        ------
        SavedModelError
            If the language model is another one.
        """
        config = parts["ensemble"].config
        ensemble = cls(
            effort=config["effort"], kinds=tuple(config["kinds"]), text=text, random_state=random_state
        )
        ensemble.novelty_ = Novelty.from_arrays(parts["ensemble"].arrays)
        ensemble.measured_ = parts["ensemble"].arrays["measured"]
        fields = config.get("fields")  # models saved by earlier versions have none, and other hashes
        ensemble.fields_ = None if fields is None else frozenset(fields)
        ensemble.inputs_ = {
            name: REPRESENTATIONS[name].cls.from_state(parts[f"input-{i}"], ensemble._context)
            for i, name in enumerate(config["inputs"])
        }
        ensemble.combinations_ = [
            Combination.from_state([parts[f"target-{target}-{i}"] for i in range(count)])
            for target, count in enumerate(config["parts"])
        ]
        ensemble.explanations_ = [Explanation.from_json(saved) for saved in config["explanations"]]
        return ensemble


def _read(representation: str) -> str:
    """Return the representation that reads all texts which another one embeds."""
    return "fields" if representation == "features and fields" else representation


def _counting_rows(
    records: Sequence[Record], y: NDArray[np.float64], weight: NDArray[np.float64] | None
) -> tuple[Sequence[Record], NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the rows whose weight is not zero, and no weights if they are all the same."""
    if weight is None:
        return records, y, None
    counting = np.flatnonzero(weight)
    kept: list[Record] = [records[i] for i in counting.tolist()]
    same = len(np.unique(weight[counting])) == 1
    return kept, y[counting], None if same else weight[counting]
