"""One Prometheus: a range selector in, raw samples or the reason why there are none out.

The query goes in the body of a POST, so a long list of pods fits. It is evaluated at the server's
own time unless told otherwise. No credential ends up in a message, even if the server repeats it.
"""

import base64
import math
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

import requests
import urllib3
from prometheus_api_client.prometheus_connect import PrometheusConnect

from controller.metrics.answer import not_prometheus, read_answer, refusal
from controller.metrics.evidence import NoEvidence, Samples
from controller.transport import BoundedAdapter, TooLargeError, new_session, read_body

MAX_BYTES = 16 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_REDIRECTS = range(300, 400)
_CREDENTIALS = frozenset({401, 403})
_NO_SUCH_PAGE = frozenset({404, 405})
_BUSY = frozenset({408, 429})
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Prometheus:
    """A Prometheus, or what speaks its query API, with its credentials. Safe for many threads.

    `timeout` is how long one exchange may take, in seconds. Raises ValueError for credentials or an
    authority that cannot be used, with a sentence that does not repeat them.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        ca_pem: str | None = None,
        timeout: float = 5.0,
    ) -> None:
        self._url = url.rstrip("/")
        self._secrets: tuple[str, ...] = ()
        # A connection kept for later may be closed by the server just as the next query is sent,
        # and that would be a look without evidence; a new one for each query costs nothing.
        headers = {"Connection": "close"}
        if token is not None:
            token = token.strip()
            if not _TOKEN.fullmatch(token):
                raise ValueError("token is empty or has characters that no HTTP header can carry")
            headers["Authorization"] = f"Bearer {token}"
            self._secrets = (token,)
        elif username is not None or password is not None:
            secret = (password or "").rstrip("\r\n")
            pair = base64.b64encode(f"{username or ''}:{secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
            self._secrets = (pair, secret) if secret else (pair,)
        try:
            adapter = BoundedAdapter(timeout, ca_pem)
        except (ssl.SSLError, ValueError):
            raise ValueError("ca.crt holds no certificate in PEM format") from None
        self._timeout = timeout
        self._api = _Api(url=self._url, headers=headers, session=new_session())
        self._api.use(adapter)

    def __repr__(self) -> str:
        return f"Prometheus({self._url!r})"

    def close(self) -> None:
        """Close what is open."""
        self._api.close()

    def range_samples(
        self, selector: str, *, window: float, at: float | None = None
    ) -> Samples | NoEvidence:
        """Return the raw samples that the selector has in the `window` seconds up to `at`.

        `at` None is the server's own now. Staleness markers are not among them.
        """
        seconds = math.ceil(window)
        form = {"timeout": f"{self._timeout:g}s"} | ({} if at is None else {"time": f"{at:.3f}"})
        began = time.monotonic()
        try:
            response = self._api.custom_query(f"{selector}[{seconds}s]", form, self._timeout)
            limit = MAX_BYTES if response.ok else _MAX_ERROR_BYTES
            body = read_body(response, limit)
        except TooLargeError:
            return NoEvidence(
                "AnswerTooLarge",
                f"{self._url} answered with more than {limit // 1024} KiB; narrow "
                "the metric's selector, or drop labels with many values from the counter",
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return self._unreachable(_cause(error), began)
        if self._late(began):  # what was cut off may look complete
            return self._unreachable("", began)
        problem = self._refused(response, body)
        if problem is not None:
            return NoEvidence(problem.reason, self._redacted(problem.message))
        answered_at = at if at is not None else _date(response.headers)
        outcome = read_answer(body, self._url, window=seconds, answered_at=answered_at)
        if isinstance(outcome, NoEvidence):
            return NoEvidence(outcome.reason, self._redacted(outcome.message))
        return outcome

    def _late(self, began: float) -> bool:
        return time.monotonic() - began >= self._timeout

    def _unreachable(self, cause: str, began: float) -> NoEvidence:
        said = f"no answer within {self._timeout:g} s" if self._late(began) else cause
        return NoEvidence("PrometheusUnreachable", f"{self._url}: {said}")

    def _refused(self, response: requests.Response, body: bytes) -> NoEvidence | None:
        status = response.status_code
        if response.ok and status not in _REDIRECTS:
            return None
        if status in _REDIRECTS:
            target = response.headers.get("Location", "").partition("?")[0][:200]
            return NoEvidence(
                "PrometheusRefused",
                f"{self._url} redirects to {target or 'another place'}, which is not followed; "
                "set the plan's prometheus.url to where the API is",
            )
        said = refusal(status, body)
        if status in _CREDENTIALS:
            message = f"{self._url} refused the credentials ({said}); see the plan's secretRef"
            return NoEvidence("PrometheusRefused", message)
        if status in _NO_SUCH_PAGE:
            return not_prometheus(self._url, said)
        if status in _BUSY or status >= 500:
            return NoEvidence("PrometheusUnreachable", f"{self._url} cannot answer now ({said})")
        return NoEvidence("PrometheusRefused", f"{self._url} refused the query ({said})")

    def _redacted(self, message: str) -> str:
        for secret in self._secrets:
            message = message.replace(secret, "***")
        return message


class _Api(PrometheusConnect):
    """The client library with its one request path replaced.

    As it comes it puts the query into the URL of a POST, drops the warnings of partial answers, and
    retries for seconds.
    """

    def use(self, adapter: BoundedAdapter) -> None:
        """Send over these connections instead of the library's own."""
        self._session.mount(self.url, adapter)

    def custom_query(
        self, query: str, params: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> requests.Response:
        """Return the unread answer to an instant query; a redirect is an answer too."""
        return self._session.post(
            f"{self.url}/api/v1/query",
            data={"query": query, **(params or {})},
            headers=self.headers,
            timeout=timeout,
            stream=True,
            allow_redirects=False,
        )


def _cause(error: Exception) -> str:
    """Return in words why there was no answer, from the innermost error that says it."""
    for inner in reversed(list(_chain(error))):
        if isinstance(inner, ssl.SSLCertVerificationError):
            return f"its certificate cannot be trusted, {inner.verify_message}; see ca.crt"
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror.lower()
    return "the connection broke off before the answer was complete"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error and what it came from, in the three ways of requests and urllib3."""
    for _ in range(10):
        if error is None:
            return
        yield error
        inner = (getattr(error, "reason", None), *error.args[:1], error.__cause__)
        error = next((cause for cause in inner if isinstance(cause, BaseException)), None)


def _date(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (ValueError, TypeError):
        return None
