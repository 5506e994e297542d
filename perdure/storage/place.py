"""Where in the storage directory a payload lies: `{namespace}/{job}/{sha256}`, so that a job's can be erased as one."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

_LONGEST = 200
_NAME = re.compile(r"[A-Za-z0-9%_~-][A-Za-z0-9%_.~-]{0,254}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """One payload's. Namespace and job as directory names; `digest` is the SHA-256 of the file's content, in hex."""

    namespace: str
    job: str
    digest: str

    @classmethod
    def of(cls, namespace: str, job_id: str, content: bytes) -> Self:
        """Where `content` of this job belongs."""
        return cls(directory_name(namespace), directory_name(job_id), digest_of(content))

    @classmethod
    def from_claim(cls, claim: Mapping[str, str]) -> Self:
        """The reverse of `claim`.

        Raises:
            ValueError: it is none of ours. Nothing in a history can lead outside of the storage directory.
        """
        namespace, job, digest = (claim.get(name, "") for name in ("namespace", "job", "sha256"))
        if not (_NAME.fullmatch(namespace) and _NAME.fullmatch(job) and _DIGEST.fullmatch(digest)):
            raise ValueError("this reference was not made by Perdure's storage")
        return cls(namespace, job, digest)

    @property
    def claim(self) -> dict[str, str]:
        """What the history holds instead of the payload."""
        return {"namespace": self.namespace, "job": self.job, "sha256": self.digest}

    def path(self, root: Path) -> Path:
        """The file."""
        return root / self.namespace / self.job / self.digest


def job_directory(root: Path, namespace: str, job_id: str) -> Path:
    """The directory of all payloads of a job; to remove it is to erase them."""
    return root / directory_name(namespace) / directory_name(job_id)


def digest_of(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def directory_name(text: str) -> str:
    """The text as a directory's name that every file system takes; long ones end in a hash."""
    name = quote(text, safe="~").replace(".", "%2E") if text.startswith(".") else quote(text, safe="~")
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 33]}-{digest_of(text.encode())[:32]}"
