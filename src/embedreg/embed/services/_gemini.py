"""Google's embedding models, by the Gemini API or by Vertex AI, through Google's own client."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import UsageError, unknown_name
from embedreg.embed.services._packages import service_package
from embedreg.embed.services._retry import failure_of_status, failure_of_transport
from embedreg.embed.services._secrets import checked_base_url, key_from, place_of, redacted, url_secrets
from embedreg.embed.services._service import (
    Answer,
    ClientConnection,
    KnownModel,
    Limits,
    WrongAnswerError,
)
from embedreg.embed.services._service_embedder import ServiceEmbedder
from embedreg.embed.services._settings import read_settings, read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedreg.core.protocols import Json

_KEYS: Final = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_GEMINI_2: Final = KnownModel(dimension=3072, text_tokens=8192, price=0.20)
_KNOWN: Final[Mapping[str, KnownModel]] = {
    "gemini-embedding-001": KnownModel(dimension=3072, text_tokens=2048, price=0.15),
    "gemini-embedding-2": _GEMINI_2,
    "gemini-embedding-2-preview": _GEMINI_2,
}
_GEMINI_LIMITS: Final = Limits(items=100, bytes=10_000_000)
_VERTEX_LIMITS: Final = Limits(items=250, tokens=20_000, bytes=10_000_000)
_TASK_TYPES: Final = (
    "CLASSIFICATION",
    "CLUSTERING",
    "CODE_RETRIEVAL_QUERY",
    "FACT_VERIFICATION",
    "QUESTION_ANSWERING",
    "RETRIEVAL_DOCUMENT",
    "RETRIEVAL_QUERY",
    "SEMANTIC_SIMILARITY",
)


@dataclass(frozen=True)
class GeminiService:
    """One embedding model of Google's; an `embedreg.embed.services._service.Service`.

    Whether it is asked at the Gemini API or at Vertex AI is decided as Google's client does: by
    `GOOGLE_GENAI_USE_VERTEXAI` (or `..._USE_ENTERPRISE`) in the environment.

    Attributes
    ----------
    model
        The model's name.
    base_url
        Where the service is, if not at Google's own place.
    dimensions
        Length of vectors to ask for; None leaves it to the model.
    task_type
        What the vectors are for, in the service's words; None leaves it to the model.
    """

    model: str
    base_url: str | None = None
    dimensions: int | None = None
    task_type: str | None = None

    digits_a_token = 1
    kind = "gemini"

    @property
    def known(self) -> KnownModel | None:
        """Public facts, of Google's own service alone."""
        return None if self._url() else _KNOWN.get(self._short_name())

    @property
    def limits(self) -> Limits:
        """Of the Gemini API; Vertex takes one text a request for its Gemini and partners' models."""
        known = _KNOWN.get(self._short_name())
        limits = _VERTEX_LIMITS if _is_vertex() else _GEMINI_LIMITS
        one_by_one = _is_vertex() and ("gemini" in self.model or "maas" in self.model)
        items = 1 if one_by_one else limits.items
        return Limits(items, limits.tokens, limits.bytes, known.text_tokens if known else None)

    def identity(self) -> Mapping[str, Json]:
        """Return service, place, model, dimensions and task type."""
        own = "aiplatform.googleapis.com" if _is_vertex() else "generativelanguage.googleapis.com"
        return {
            "service": "vertex" if _is_vertex() else self.kind,
            "place": place_of(self._url() or f"https://{own}"),
            "model": self._short_name(),
            "dimensions": self.dimensions,
            "task_type": self.task_type,
        }

    def connect(self, timeout: float) -> GeminiConnection:
        """Make the client, without retries of its own."""
        genai = service_package("google.genai")
        options = {"base_url": self._url(), "timeout": round(timeout * 1000)}
        key = key_from(*_KEYS, needed=not _is_vertex() and not self._url())
        secrets = [key_from(name, needed=False) or "" for name in _KEYS] + url_secrets(self._url())
        try:
            if _is_vertex():  # credentials, project and place are the client's to find
                client = genai.Client(vertexai=True, http_options=options)
            else:
                client = genai.Client(vertexai=False, api_key=key or "none", http_options=options)
        except Exception as error:  # of google.auth, of the client, or of the credentials' own packages
            raise UsageError(
                f"'{redacted(str(error), secrets)}' from Google's client",
                expected="GEMINI_API_KEY, or credentials of Vertex AI, in the environment",
                mend="export GEMINI_API_KEY=..., or run `gcloud auth application-default login`",
            ) from None
        return GeminiConnection(self, client, secrets)

    def _short_name(self) -> str:
        return self.model.removeprefix("models/")

    def _url(self) -> str | None:
        variable = "GOOGLE_VERTEX_BASE_URL" if _is_vertex() else "GOOGLE_GEMINI_BASE_URL"
        return self.base_url or os.environ.get(variable) or None


class GeminiConnection(ClientConnection):
    """Google's own client for one model."""

    def __init__(self, service: GeminiService, client: Any, secrets: Sequence[str]) -> None:
        super().__init__(client, secrets)
        types = service_package("google.genai.types")
        config = {"task_type": service.task_type, "output_dimensionality": service.dimensions}
        if _is_vertex():
            config["auto_truncate"] = False
        self._config = types.EmbedContentConfig(**config)
        self._types = types
        self._service = service

    def embed(self, texts: Sequence[str]) -> Answer:
        """Send one request, each text as a content of its own: a list of plain texts may become one vector."""
        errors = service_package("google.genai.errors")
        contents = [self._types.Content(parts=[self._types.Part(text=text)]) for text in texts]
        try:
            answer = self._client.models.embed_content(
                model=self._service.model, contents=contents, config=self._config
            )
        except errors.APIError as error:
            headers = getattr(error.response, "headers", None) or {}
            message = f"{error.status}: {error.message}"
            raise failure_of_status(error.code, message, headers, wait=_wait_in(error.details)) from None
        except ValueError:
            raise WrongAnswerError("no JSON, or not as documented") from None
        except Exception as error:
            if "TransportError" not in {kind.__name__ for kind in type(error).__mro__}:
                raise
            raise failure_of_transport(error) from None
        return _read(answer)


def build(name: str, options: Mapping[str, str]) -> ServiceEmbedder:
    """Make the embedder of "gemini:NAME?options".

    Raises
    ------
    UsageError
        If an option is unknown or cannot be read.
    """
    settings, own = read_settings(
        "gemini",
        options,
        {
            "base_url": lambda _, text: checked_base_url(text),
            "dimensions": read_whole,
            "task_type": _read_task_type,
        },
    )
    return ServiceEmbedder(GeminiService(name, **own), settings)


def _is_vertex() -> bool:
    names = ("GOOGLE_GENAI_USE_ENTERPRISE", "GOOGLE_GENAI_USE_VERTEXAI")
    chosen = next((os.environ[name] for name in names if name in os.environ), "")
    return chosen.lower() in ("true", "1")


def _read_task_type(name: str, text: str) -> str:
    if text.upper() not in _TASK_TYPES:
        raise unknown_name(name, text.upper(), _TASK_TYPES)
    return text.upper()


def _read(answer: Any) -> Answer:
    vectors = [embedding.values for embedding in answer.embeddings or ()]
    usage = getattr(answer, "usage_metadata", None)  # younger than the rest of the client
    counted = getattr(usage, "prompt_token_count", None)
    if counted is None:
        counts: list[Any] = [getattr(e.statistics, "token_count", None) for e in answer.embeddings or ()]
        counted = None if None in counts else round(sum(counts))
    return Answer(list(enumerate(vectors)), counted or None)


def _wait_in(details: Any) -> float | None:
    """Return the seconds that Google's error asks to wait in its body, as `RetryInfo` has them ("17s")."""
    try:
        parts = details["error"]["details"]
        delays = [part["retryDelay"] for part in parts if part["@type"].endswith("RetryInfo")]
        return float(delays[0].removesuffix("s"))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None
