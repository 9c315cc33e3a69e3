"""Archives of what another reader reads: a folder of class folders, packed."""

from __future__ import annotations

import errno
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from tlsearch.errors import DataError
from tlsearch.folders.archives import OTHER_ENDINGS, TAR_ENDINGS, ZIP_ENDINGS, is_archive
from tlsearch.plugin_api import Reading, ReadingOptions, ReadingProgress, keep_folder
from tlsearch.utils.files import is_full
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.example import write_example
from tlsearch_plugins.readers.remote.kept import place_for, read_kept
from tlsearch_plugins.readers.remote.unpack import Allowance, unpack_tar, unpack_zip

_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, ValueError, OSError),
)


class ArchiveReader:
    """Archives: .zip, .tar, .tar.gz, .tar.bz2, .tar.xz. They are unpacked once, into the cache folder."""

    api_version = 1
    name = "archives"

    def accepts(self, source: str) -> bool:
        """Every file with the ending of an archive."""
        return is_archive(source) and Path(source).is_file()

    def read(self, source: str, options: ReadingOptions) -> Reading:
        """What is in the archive, as the reader of its content reads it."""
        archive = Path(source)
        if source.lower().endswith(OTHER_ENDINGS):
            raise DataError(f"{source} is an archive that cannot be unpacked here: unpack it and name the folder.")
        try:
            status = archive.stat()
        except OSError as error:
            raise DataError(f"{source} cannot be read ({error.strerror}): check its name.") from error
        place = place_for(options, archive.resolve(), status.st_size, status.st_mtime_ns)
        try:
            folder, files = keep_folder(
                place, stem_of(archive.name), lambda folder: _unpack(archive, folder, source, options.progress)
            )
        except OSError as error:
            raise DataError(
                f"{source} cannot be unpacked into {place.parent} ({error.strerror or error}): name another folder "
                "with --cache-dir."
            ) from error
        return read_kept(options, folder, source, f"unpacked {archive.name} ({counted(files, 'file')})")

    def example(self, folder: Path) -> str:
        """A zip file of two classes of four images."""
        packed = folder / "packed"
        write_example(packed, {f"{name}/{number}.png": name for name in ("cat", "dog") for number in range(4)})
        shutil.make_archive(str(folder / "images"), "zip", packed)
        shutil.rmtree(packed)
        return str(folder / "images.zip")


def stem_of(name: str) -> str:
    """The name of an archive without its ending: ``pets`` for ``pets.tar.gz``."""
    endings = (ending for ending in (*ZIP_ENDINGS, *TAR_ENDINGS) if name.lower().endswith(ending))
    return name[: -len(max(endings, key=len, default=""))].strip(". ") or "images"


def _unpack(archive: Path, folder: Path, source: str, progress: ReadingProgress) -> None:
    try:
        allowance = Allowance(archive, folder, archive.name, progress)
        unpack = unpack_zip if source.lower().endswith(ZIP_ENDINGS) else unpack_tar
        unpack(archive, folder, allowance)
    except DataError:
        raise
    except PermissionError as error:
        raise DataError(f"{source} cannot be opened ({error.strerror}): make it readable.") from error
    except NotImplementedError as error:  # from zipfile, of a compression
        raise DataError(f"{source} is compressed in a way that cannot be read here: unpack it yourself.") from error
    except _BROKEN as error:
        if is_full(error):
            raise
        raise DataError(_broken(source, error)) from error


def _broken(source: str, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"{source} holds a name that is too long for this machine's disk: unpack it yourself with shorter names."
    if isinstance(error, OSError) and error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return f"{source} holds a file and a folder of the same name: make it anew, or unpack it yourself."
    return f"{source} is broken or no archive of its kind ({_words(error)}): download it again, or make it anew."


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
