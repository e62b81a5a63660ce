"""Services that speak OpenAI's `/v1/embeddings`: OpenAI, Azure, and many servers one can run oneself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import UsageError, unknown_name
from embedreg.embed.services._packages import service_package
from embedreg.embed.services._retry import failure_of_status, failure_of_transport
from embedreg.embed.services._secrets import checked_base_url, key_from, place_of, url_secrets
from embedreg.embed.services._service import Answer, ClientConnection, KnownModel, Limits, WrongAnswerError
from embedreg.embed.services._service_embedder import ServiceEmbedder
from embedreg.embed.services._settings import read_flag, read_settings, read_text, read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedreg.core.protocols import Json

_OWN_PLACE: Final = "api.openai.com/v1"
_KNOWN: Final[Mapping[str, KnownModel]] = {
    "text-embedding-3-small": KnownModel(dimension=1536, text_tokens=8191, price=0.02),
    "text-embedding-3-large": KnownModel(dimension=3072, text_tokens=8191, price=0.13),
    "text-embedding-ada-002": KnownModel(dimension=1536, text_tokens=8191, price=0.10),
}
_OPENAI_LIMITS: Final = Limits(items=2048, tokens=300_000, bytes=16_000_000)
_OTHER_LIMITS: Final = Limits(items=32, bytes=1_500_000)
"""What servers of one's own accept as they come; text-embeddings-inference takes 32 texts."""
_SAYS_NOTHING: Final = "Error code: "
_SAID: Final = 500
"""Characters of an answer that are shown where it is not known in which of its parts the reason is."""
_ENCODINGS: Final = ("base64", "float")


@dataclass(frozen=True)
class OpenAIService:
    """One model behind `/v1/embeddings`; an `embedreg.embed.services._service.Service`.

    Attributes
    ----------
    model
        The model's name; of Azure the deployment's.
    base_url
        Where the service is; by default `OPENAI_BASE_URL`, else OpenAI itself.
    azure
        Whether it is Azure's, at `AZURE_OPENAI_ENDPOINT`, in the version `OPENAI_API_VERSION`.
    key_env
        The environment variable that has the key.
    encoding
        How numbers travel: "base64", which is shorter, or "float".
    dimensions
        Length of vectors to ask for; None leaves it to the model.
    """

    model: str
    base_url: str | None = None
    azure: bool = False
    key_env: str | None = None
    encoding: str = "base64"
    dimensions: int | None = None

    kind = "openai"
    digits_a_token = 3

    @property
    def known(self) -> KnownModel | None:
        """Public facts, of OpenAI's own service alone: what others serve by that name has another price."""
        return _KNOWN.get(self.model) if self._place() == _OWN_PLACE else None

    @property
    def limits(self) -> Limits:
        """OpenAI's own limits, or those that any server takes."""
        limits = _OPENAI_LIMITS if self.azure or self._place() == _OWN_PLACE else _OTHER_LIMITS
        read = self.known.text_tokens if self.known else None
        return Limits(limits.items, limits.tokens, limits.bytes, read)

    def identity(self) -> Mapping[str, Json]:
        """Return service, place, model and dimensions; the encoding changes no number."""
        return {
            "service": "azure" if self.azure else self.kind,
            "place": self._place(),
            "model": self.model,
            "dimensions": self.dimensions,
        }

    def connect(self, timeout: float) -> OpenAIConnection:
        """Make the client, without retries of its own."""
        openai = service_package("openai")
        common = {"timeout": timeout, "max_retries": 0}
        if self.azure:
            token = os.environ.get("AZURE_OPENAI_AD_TOKEN") if self.key_env is None else None
            key = None if token else key_from(self.key_env or "AZURE_OPENAI_API_KEY", needed=True)
            client = openai.AzureOpenAI(
                azure_endpoint=self._url(),
                api_version=_azure_version(),
                api_key=key,
                azure_ad_token=token,
                **common,
            )
            return OpenAIConnection(self, client, [key or "", token or "", *url_secrets(self._url())])
        needed = self.key_env is not None or self._place() == _OWN_PLACE
        key = key_from(self.key_env or "OPENAI_API_KEY", needed=needed)
        client = openai.OpenAI(base_url=self._url(), api_key=key or "none", **common)
        return OpenAIConnection(self, client, [key or "", *url_secrets(self._url())])

    def _url(self) -> str:
        if self.azure:
            return self.base_url or os.environ.get("AZURE_OPENAI_ENDPOINT", "")
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or f"https://{_OWN_PLACE}"

    def _place(self) -> str:
        return place_of(self._url())


class OpenAIConnection(ClientConnection):
    """OpenAI's own client for one model."""

    def __init__(self, service: OpenAIService, client: Any, secrets: Sequence[str]) -> None:
        super().__init__(client, secrets)
        self._service = service

    def embed(self, texts: Sequence[str]) -> Answer:
        """Send one request."""
        openai = service_package("openai")
        asked = {} if self._service.dimensions is None else {"dimensions": self._service.dimensions}
        try:
            answer = self._client.embeddings.create(
                model=self._service.model, input=list(texts), encoding_format=self._service.encoding, **asked
            )
        except openai.APIStatusError as error:
            failure = failure_of_status(error.status_code, _said(error), error.response.headers)
            failure.retry &= error.code != "insufficient_quota"  # a 429 that no waiting mends
            raise failure from None
        except openai.APIConnectionError as error:  # of which a timeout is a kind
            raise failure_of_transport(error.__cause__ or error) from None
        except (openai.APIResponseValidationError, ValueError):
            raise WrongAnswerError("no JSON") from None
        return _read(answer)


def _said(error: Any) -> str:
    """Return what a service says is wrong, which the client passes on only in the form that OpenAI's own has."""
    said = str(error.message)
    body = " ".join(error.response.text.split())
    return f"{said}, {body[:_SAID]}" if body and said.startswith(_SAYS_NOTHING) and body not in said else said


def build(name: str, options: Mapping[str, str]) -> ServiceEmbedder:
    """Make the embedder of "openai:NAME?options".

    Raises
    ------
    UsageError
        If an option is unknown or cannot be read.
    """
    settings, own = read_settings(
        "openai",
        options,
        {
            "base_url": lambda _, text: checked_base_url(text),
            "azure": read_flag,
            "key_env": _read_key_env,
            "encoding": _read_encoding,
            "dimensions": read_whole,
        },
    )
    service = OpenAIService(name, **own)
    if service.azure and not service._url():
        raise UsageError(
            "azure=true and no endpoint",
            expected="the environment variable AZURE_OPENAI_ENDPOINT",
            mend="export AZURE_OPENAI_ENDPOINT=https://NAME.openai.azure.com",
        )
    return ServiceEmbedder(service, settings)


def _read(answer: Any) -> Answer:
    """Take the parts of an answer, which the client does not check."""
    try:
        items = [(item.index, item.embedding) for item in answer.data]
    except (AttributeError, TypeError):
        raise WrongAnswerError("no list of vectors") from None
    tokens = getattr(getattr(answer, "usage", None), "prompt_tokens", None)
    return Answer(items, tokens if isinstance(tokens, int) and tokens > 0 else None)


def _azure_version() -> str:
    if version := os.environ.get("OPENAI_API_VERSION"):
        return version
    raise UsageError(
        "no environment variable OPENAI_API_VERSION",
        expected="the version of Azure's interface",
        mend="export OPENAI_API_VERSION=2024-10-21, or the one your deployment wants",
    )


def _read_key_env(name: str, text: str) -> str:
    """Read the name of a variable. A string from elsewhere must not send whatever the environment has."""
    if text.endswith("_API_KEY") and text.isidentifier():
        return text
    raise UsageError(
        f"{name}={text!r}", expected="a name that ends in _API_KEY", mend="put the key in such a variable"
    )


def _read_encoding(name: str, text: str) -> str:
    if text not in _ENCODINGS:
        raise unknown_name(name, text, _ENCODINGS)
    return read_text(name, text)
