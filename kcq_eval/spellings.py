"""What an evaluator may type for the codes of a claims table: headers, relations, hedges, directions, units, in both languages.

Of each code's words the first Vietnamese and the first English one stand in the template. Case, diacritics, doubled spaces and
"_" for a space make no difference.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

Words = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]  # code: (Vietnamese, English)

TABLES: Words = {
    "claims": (("số liệu", "số liệu công bố"), ("claims", "figures")),
    "rules": (("quy tắc", "rules"), ("rules",)),
    "measures": (("chỉ tiêu",), ("measures", "indicators")),
    "categories": (("phân loại", "danh mục"), ("categories",)),
    "sources": (("nguồn", "nguồn số liệu"), ("sources",)),
    "guide": (("hướng dẫn",), ("guide", "notes", "read me")),
}
HEADERS: dict[str, Words] = {
    "claims": {
        "claim_id": (("số", "stt", "mã"), ("no", "id", "number", "claim id")),
        "locator": (("vị trí", "trang", "trích dẫn"), ("place", "locator", "page", "where")),
        "relation": (("loại phát biểu", "quan hệ"), ("statement", "relation", "kind of statement")),
        "measure": (("chỉ tiêu", "đại lượng"), ("measure", "indicator")),
        "period": (("giai đoạn", "năm", "kỳ"), ("period", "year", "years")),
        "reference_period": (("kỳ so sánh", "so với", "giai đoạn trước"), ("reference period", "compared with", "baseline")),
        "whole": (("mẫu số", "tổng thể", "trong tổng"), ("whole", "of", "denominator")),
        "items": (("danh sách", "các mục"), ("items", "list")),
        "printed": (("số in", "giá trị", "số liệu"), ("printed", "figure", "value")),
        "unit": (("đơn vị", "đơn vị tính", "đvt"), ("unit",)),
        "direction": (("tăng giảm", "chiều"), ("direction", "up or down")),
        "hedge": (("mức độ", "từ chỉ mức độ", "hơn gần khoảng"), ("hedge", "over nearly about")),
        "rounding": (("làm tròn",), ("rounding",)),
        "trust": (("độ tin cậy", "tin cậy"), ("trust",)),
        "source": (("nguồn",), ("source", "source id")),
        "note": (("ghi chú",), ("note", "remark", "comment")),
    },
    "rules": {
        "rule_id": (("mã quy tắc", "số", "stt"), ("rule", "rule id", "no", "id")),
        "measure": (("chỉ tiêu", "đại lượng"), ("measure", "indicator")),
        "dimension": (("theo", "chiều phân loại", "chiều"), ("by", "dimension")),
        "whole": (("tổng thể", "tổng"), ("whole",)),
        "parts": (("các phần", "thành phần"), ("parts",)),
        "label": (("diễn giải", "ghi chú"), ("label", "in words", "note")),
    },
    "measures": {
        "code": (("chỉ tiêu", "mã"), ("measure", "code", "indicator")),
        "label_vi": (("tên tiếng việt", "tên"), ("vietnamese name", "label vi")),
        "label_en": (("tên tiếng anh",), ("english name", "label", "label en")),
        "kind": (("loại",), ("kind",)),
        "adds_up_over": (("cộng được theo",), ("adds up over",)),
        "nested_over": (("phần không quá tổng theo",), ("nested over",)),
        "list_of": (("danh sách của",), ("list of",)),
        "note": (("ghi chú",), ("note", "remark", "comment")),
    },
    "categories": {
        "dimension": (("theo", "chiều phân loại", "chiều"), ("by", "dimension")),
        "category": (("phân loại", "mục"), ("category",)),
        "note": (("ghi chú",), ("note", "remark", "comment")),
    },
    "sources": {
        "source_id": (("nguồn", "mã nguồn"), ("source", "source id", "id")),
        "title": (("tên", "tên tài liệu"), ("title", "name")),
        "published": (("ngày công bố",), ("published", "date")),
        "number_format": (("dạng số",), ("number format", "format")),
        "trust": (("độ tin cậy", "tin cậy"), ("trust",)),
        "note": (("ghi chú",), ("note", "remark", "comment")),
    },
}  # fmt: skip
DIMENSION_MARKS = ("theo ", "by ")  # a header that begins so is a dimension of the document's own

RELATIONS: Words = {
    "value": (("giá trị",), ("value",)),
    "growth": (("tốc độ tăng", "tăng trưởng"), ("growth",)),
    "difference": (("chênh lệch", "tăng thêm"), ("difference", "change")),
    "share": (("tỷ trọng", "tỉ trọng", "tỷ lệ trong tổng"), ("share",)),
    "ratio": (("tỷ số", "tỉ số"), ("ratio",)),
    "average": (("bình quân", "trung bình"), ("average", "mean")),
    "share_change": (("thay đổi tỷ trọng", "thay đổi tỉ trọng"), ("change of share", "share change")),
    "list": (("danh sách",), ("list",)),
    "qualitative": (("nhận định", "bằng lời"), ("in words", "qualitative")),
}
DIRECTIONS: Words = {
    "up": (("tăng", "nhiều hơn"), ("up", "more", "rose", "increase")),
    "down": (("giảm", "ít hơn"), ("down", "fewer", "less", "fell", "decrease")),
}
HEDGES: Words = {
    "over": (("hơn",), ("over", "more than")),
    "above": (("trên",), ("above",)),
    "nearly": (("gần",), ("nearly", "almost")),
    "below": (("dưới",), ("below", "under", "less than")),
    "about": (("khoảng", "xấp xỉ"), ("about", "around", "roughly")),
}
ROUNDINGS: Words = {"nearest": (("làm tròn",), ("nearest", "rounded")), "truncated": (("cắt bỏ", "bỏ phần lẻ"), ("truncated", "cut off"))}
TRUST: Words = {"fixed": (("chắc chắn", "cố định"), ("fixed", "certain"))}
KINDS: Words = {"total": (("tổng", "cộng được"), ("total", "sum")), "rate": (("tỷ lệ", "tỉ lệ", "bình quân", "số dư"), ("rate", "average", "balance"))}
FORMATS: Words = {"vi": (("1.234,5", "việt nam"), ("vietnamese",)), "en": (("1,234.5", "anh"), ("english",))}
ALL_WORDS: Words = {"all": (("tất cả", "toàn bộ", "tổng", "tổng số", "tổng cộng"), ("all", "total"))}
PERIODS: Words = {"period": (("năm", "giai đoạn", "các năm"), ("period", "years", "year"))}
UNITS: Words = {
    "count": (("số đếm",), ("count",)),
    "percent": (("%", "phần trăm"), ("percent", "per cent")),
    "percentage_point": (("điểm phần trăm", "điểm %"), ("percentage point", "percentage points", "pp")),
    "year": (("năm",), ("year", "years")),
    "vnd": (("đồng", "VNĐ"), ("VND",)),
    "thousand_vnd": (("nghìn đồng", "ngàn đồng", "nghìn VNĐ"), ("thousand VND",)),
    "million_vnd": (("triệu đồng", "triệu VNĐ", "tr.đ"), ("million VND",)),
    "billion_vnd": (("tỷ đồng", "tỉ đồng", "tỷ VNĐ"), ("billion VND",)),
}


def key(text: str) -> str:
    """What two spellings of one word have in common: no case, no diacritics, single spaces, "_" read as a space."""
    text = unicodedata.normalize("NFD", text.replace("_", " ").casefold().replace("đ", "d"))
    return " ".join("".join(c for c in text if not unicodedata.combining(c)).split())


def name_key(text: str) -> str:
    """What two spellings of one name have in common: no case, and the tone mark of a syllable on either vowel (Hoà, Hòa).

    Diacritics make different names.
    """
    found = []
    for syllable in unicodedata.normalize("NFD", text.casefold()).split():
        tones = "".join(c for c in syllable if c in _TONES)
        found.append("".join(c for c in syllable if c not in _TONES) + tones)
    return " ".join(found)


_TONES = "\u0300\u0301\u0303\u0309\u0323"


def codes_by_key(words: Words) -> dict[str, str]:
    """The code of every word, and of the code itself, by `key`."""
    found = {key(word): code for code, languages in words.items() for language in languages for word in language}
    return found | {key(code): code for code in words}


def template_word(words: Words, code: str, language: str) -> str:
    """The word that stands in the template of a language."""
    return words[code][0 if language == "vi" else 1][0]
