"""Whether there is a network, before TensorFlow Datasets (TFDS) tries for minutes.

TFDS asks a host that does not answer eleven times, with pauses that grow to 100 seconds.
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


def require_downloads(builder: Any, downloads: str | os.PathLike, manual: str | os.PathLike):
    """Refuse to download what no host answers for.

    Args:
        builder: A builder of TFDS. Its `url_infos` names the files.
        downloads: Where TFDS keeps what it has downloaded.
        manual: Where files may have been put by hand.

    Raises:
        ConnectionError: If none of the hosts can be reached, and none of the files is there.
    """
    urls = [url for url in builder.url_infos if url.startswith("http")]
    if not urls or _some_are_there(builder, Path(downloads), Path(manual)) or reachable(urls):
        return
    hosts = sorted({urlsplit(url).netloc for url in urls})
    raise ConnectionError(f"cannot reach {' or '.join(hosts)}, where its files are.")


def _some_are_there(builder: Any, downloads: Path, manual: Path) -> bool:
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
    """Whether one of the hosts of `urls` answers, whatever it says, or its proxy.

    Args:
        urls: HTTP addresses. Each host is asked once, for one of them. Proxies are those of the
            environment (`HTTPS_PROXY`, `NO_PROXY`, ...), as for TFDS's own downloads.
        seconds: How long to wait, for all of them together.
    """
    import requests  # which TFDS brings

    answers = queue.Queue()

    def ask(url):
        try:
            requests.head(url, timeout=seconds)
        except (requests.ConnectTimeout, requests.ConnectionError):
            answers.put(False)
        except requests.RequestException:  # such as a host that is slow
            answers.put(True)
        else:
            answers.put(True)

    hosts = {urlsplit(url).netloc: url for url in urls}
    for url in hosts.values():
        # Not a pool: a look-up of names knows no limit, and must not hold the program up.
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    end = time.monotonic() + seconds
    for _ in hosts:
        try:
            if answers.get(timeout=max(0, end - time.monotonic())):
                return True
        except queue.Empty:
            break
    return False
