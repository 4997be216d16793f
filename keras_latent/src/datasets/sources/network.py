"""Whether the network works, tested before TensorFlow Datasets (TFDS) tries for minutes.

TFDS tries a host that does not answer eleven times, with pauses of up to 100 seconds.
"""

import os
import queue
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECONDS = 8.0


def require_downloads(
    builder: Any, downloads: str | os.PathLike, manual: str | os.PathLike
) -> None:
    """Raise a `ConnectionError` if files must be downloaded and none of their hosts answers.

    Args:
        builder: A TFDS builder. Its `url_infos` lists the files.
        downloads: Where TFDS keeps downloaded files.
        manual: Where users may have put files.
    """
    urls = [url for url in builder.url_infos if url.startswith("http")]
    if not urls or _any_present(builder, Path(downloads), Path(manual)) or reachable(urls):
        return
    hosts = sorted({urlsplit(url).netloc for url in urls})
    raise ConnectionError(f"cannot reach {' or '.join(hosts)}, which hosts its files.")


def _any_present(builder: Any, downloads: Path, manual: Path) -> bool:
    from tensorflow_datasets.core.download.resource import get_dl_fname

    for url, info in builder.url_infos.items():
        name = get_dl_fname(url, info.checksum)
        places = [downloads / name, downloads / builder.name / name]
        if info.filename:
            places.append(manual / info.filename)
        if any(place.exists() for place in places):
            return True
    return False


def reachable(urls: Iterable[str], seconds: float = SECONDS) -> bool:
    """Return whether a host of `urls`, or its proxy, answers with any status.

    Args:
        urls: HTTP addresses. Each host gets one request, for one of its addresses. Proxies are
            taken from the environment (`HTTPS_PROXY`, `NO_PROXY`, ...), as TFDS does.
        seconds: How long to wait for all hosts together.
    """
    import requests  # Installed with TFDS.

    answers: queue.Queue[bool] = queue.Queue()

    def ask(url: str) -> None:
        try:
            requests.head(url, timeout=seconds)
        except (requests.ConnectTimeout, requests.ConnectionError):
            answers.put(False)
        except requests.RequestException:  # For example, a slow host.
            answers.put(True)
        else:
            answers.put(True)

    hosts = {urlsplit(url).netloc: url for url in urls}
    for url in hosts.values():
        # Not a pool: a DNS lookup has no timeout, and must not keep the program from exiting.
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    end = time.monotonic() + seconds
    for _ in hosts:
        try:
            if answers.get(timeout=max(0, end - time.monotonic())):
                return True
        except queue.Empty:
            break
    return False
