"""What a decoder says of a fault, in Chinese, by turns of phrase; data, and what was never said so, stays. Pure."""

from __future__ import annotations

import re

from ingest.decode.fault_codes import Meaning

_KINDS = {
    "an object": "对象",
    "a list": "列表",
    "a number": "数字",
    "a whole number": "整数",
    "a string": "字符串",
    "text": "文本",
    "true or false": "true 或 false",
}
_KIND = "|".join(_KINDS)

_PHRASES = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        # what was got
        (r"nothing", "空缺"),
        (r"no time", "没有时间"),
        (r"none of them", "一个也没有"),
        (r"an empty message", "空报文"),
        (r"a byte order mark", "字节序标记"),
        (r"an object with (\d+) keys", r"含 \1 个键的对象"),
        (r"a list of (\d+)", r"\1 项的列表"),
        (r"(\d+) bytes", r"\1 字节"),
        (r"(\d+) characters", r"\1 个字符"),
        (r"(\d+) levels or more", r"\1 层或更多"),
        (r"(\".*\") twice", r"\1 出现两次"),
        (r"a second (\w+), (.*)", r"第二个 \1：\2"),
        # what is expected
        (r"nothing here", "此处没有内容"),
        (r"a value", "有值"),
        (r"one of (.*)", r"下列之一：\1"),
        (r"exactly one of: (.*)", r"下列之中恰好一个：\1"),
        (r"at least one of: (.*)", r"下列之中至少一个：\1"),
        (r"at least (\S+) items?", r"至少 \1 项"),
        (r"at most (\S+) items?", r"至多 \1 项"),
        (r"at least (\S+) characters?", r"至少 \1 个字符"),
        (r"at most (\S+) characters?", r"至多 \1 个字符"),
        (r"at most (\d+) bytes", r"至多 \1 字节"),
        (r"at most (\d+) levels", r"至多 \1 层"),
        (r"at least (\S+)", r"不小于 \1"),
        (r"at most (\S+)", r"不大于 \1"),
        (r"more than (\S+)", r"大于 \1"),
        (r"less than (\S+)", r"小于 \1"),
        (r"(-?[\d.e+]+) to (-?[\d.e+]+)( .*)?", r"\1 至 \2\3"),
        (r"text of the form (.*)", r"形如 \1 的文本"),
        (r"an RFC 3339 instant with offset", "带时区的 RFC 3339 时间"),
        (r"a Unix time in (\w+)", r"Unix 时间（\1）"),
        (r"an instant from (\S+) on(, local day)?", r"\1 起的时间"),
        (r"at most 10 min after (\S+)", r"不晚于 \1 之后 10 分钟"),
        (r"a topic that is read, such as (.*)", r"有接收方的主题，例如 \1"),
        (r"one value per quantity and depth or channel", "同一量在同一深度或通道只有一个值"),
        (r"one value for each name and instant", "同一名称在同一时间只有一个值"),
        (r"each key once", "每个键只出现一次"),
        (r"a JSON object", "JSON 对象"),
        (r"strict JSON \(RFC 8259\)", "严格的 JSON（RFC 8259）"),
        (r"finite numbers|numbers that fit a double|a finite number that fits a double", "双精度范围内的有限数值"),
        (r"whole Unicode characters", "完整的 Unicode 字符"),
        (r"no byte order mark", "没有字节序标记"),
    )
)


def in_both(text: str) -> Meaning:
    """Return what was got or expected in English and in Chinese."""
    return Meaning(text, in_chinese(text))


def in_chinese(text: str) -> str:
    """Return what was got or expected."""
    if re.fullmatch(rf"(?:{_KIND})(?: or (?:{_KIND}))*", text):
        return re.sub(_KIND, lambda found: _KINDS[found[0]], text).replace(" or ", " 或 ")
    for phrase, words in _PHRASES:
        found = phrase.fullmatch(text)
        if found is not None:
            return found.expand(words)
    return text
