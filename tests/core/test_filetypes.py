"""What a name says a file is."""

from __future__ import annotations

import pytest
from hypothesis import given

from lrsync.core.filetypes import FileType, extension_of, is_original, type_of
from tests import trees


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("IMG_0001.CR3", FileType.ORIGINAL),
        ("a.b.nef", FileType.ORIGINAL),
        ("clip.MOV", FileType.ORIGINAL),
        ("a.dng", FileType.REWRITABLE),
        ("a.JPG", FileType.REWRITABLE),
        ("a.xmp", FileType.SIDECAR),
        ("My.lrcat", FileType.CATALOG),
        ("My.lrcat-data", FileType.CATALOG),
        ("x.lrprev", FileType.PREVIEW),
        (".nef", FileType.OTHER),
        ("nef", FileType.OTHER),
        ("a.nef.txt", FileType.OTHER),
        ("a.nef ", FileType.OTHER),
        ("", FileType.OTHER),
    ],
)
def test_types(name: str, kind: FileType) -> None:
    assert type_of(name) is kind
    assert is_original(name) is (kind is FileType.ORIGINAL)


@pytest.mark.parametrize(
    ("kind", "extensions"),
    [
        (
            FileType.ORIGINAL,
            "CR2 CR3 CRW NEF NRW ARW SR2 SRF RAF ORF RW2 PEF SRW 3FR FFF IIQ X3F MRW ERF RWL MEF MOS KDC DCR GPR "
            "MOV MP4 M4V AVI MPG MTS 3GP MKV BRAW R3D CRM INSV",
        ),
        (FileType.REWRITABLE, "DNG JPG JPEG TIF TIFF PSD PSB HEIC HIF AVIF JXL PNG"),
        (FileType.SIDECAR, "XMP ACR THM"),
        (FileType.CATALOG, "LRCAT"),
        (FileType.PREVIEW, "LRDATA LRPREV"),
    ],
)
def test_every_format_that_lightroom_imports_has_its_type(kind: FileType, extensions: str) -> None:
    assert {type_of(f"a.{extension}") for extension in extensions.split()} == {kind}


@given(trees.names)
def test_any_name_has_a_type_whatever_its_case(name: str) -> None:
    assert type_of(name) in FileType
    if name.isascii():
        assert type_of(name.upper()) is type_of(name.lower())
    assert extension_of(name) == extension_of(name).lower()
