"""Every code that a decoder may give, with its sentence in English and Chinese: documentation is made from here.

A code never changes its meaning and is never reused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Meaning(NamedTuple):
    """One sentence in each language."""

    en: str
    zh: str


FAULT_CODES: Mapping[str, Meaning] = MappingProxyType(
    {
        "after_2099": Meaning(
            "The instant lies after 2099: the clock was not set.", "时间晚于 2099 年：设备时钟未校准。"
        ),
        "against_schema": Meaning("The message breaks its schema in a rarer way.", "报文不符合其模式（少见情形）。"),
        "alias_unknown": Meaning(
            "A Sparkplug metric has a name or alias that its birth certificate does not announce.",
            "Sparkplug 指标的名称或别名不在其出生证书中。",
        ),
        "bad_base64": Meaning("The frame's bytes are not base64.", "帧数据不是合法的 base64。"),
        "bad_day": Meaning("The day is none of the calendar.", "日期不存在或格式不对。"),
        "bad_device_id": Meaning("The device id is not in the form that ids have.", "设备编号格式不正确。"),
        "bad_hex": Meaning("The frame's bytes are not hex.", "帧数据不是合法的十六进制。"),
        "bad_instant": Meaning(
            "The time is not an RFC 3339 instant with an offset.", "时间不是带时区的 RFC 3339 格式。"
        ),
        "before_2015": Meaning(
            "The instant lies before 2015: the clock was not set or its GPS week rolled over.",
            "时间早于 2015 年：设备时钟未校准或 GPS 周翻转。",
        ),
        "birth_unknown": Meaning(
            "Sparkplug data without the birth certificate of its session; after the node's next birth replay reads it.",
            "Sparkplug 数据缺少本次会话的出生证书；已要求节点重发，之后可重放。",
        ),
        "byte_order_mark": Meaning("The message starts with a byte order mark.", "报文以字节序标记（BOM）开头。"),
        "day_expired": Meaning(
            "Readings or pictures of a day that the district has deleted, by the age that it keeps them for.",
            "读数或影像所属日期已按本区保存期限删除，不再入库。",
        ),
        "decoder_failed": Meaning(
            "Greensward itself failed on the message; it is kept and can be replayed after the repair.",
            "本系统处理该报文时出错；报文已保留，修复后可重放。",
        ),
        "duplicate_id": Meaning("Two findings of one picture have the same id.", "同一影像中有两个识别结果编号相同。"),
        "duplicate_key": Meaning("A key stands twice in one JSON object.", "同一 JSON 对象中键名重复。"),
        "frame_checksum": Meaning(
            "The frame's checksum does not fit: the bytes are damaged or of another model.",
            "帧校验和不符：字节已损坏或属于其他型号。",
        ),
        "frame_not_of_model": Meaning(
            "The bytes are not a frame of the model that the device is said to be.", "字节数据不是该型号的帧。"
        ),
        "frame_part_unknown": Meaning(
            "A part of the frame is not known and was not read; the rest was.",
            "帧中有未知部分未能读取，其余部分已保留。",
        ),
        "frame_truncated": Meaning(
            "The frame ends too early, or has a length that no frame of the model has.",
            "帧数据不完整，或长度与该型号不符。",
        ),
        "identity_mismatch": Meaning("Topic and message name different devices.", "主题与报文中的设备编号不一致。"),
        "in_the_future": Meaning("The instant is more than 10 minutes ahead.", "时间超前 10 分钟以上。"),
        "index_out_of_range": Meaning(
            "A vegetation index lies outside of its possible values.", "植被指数超出可能的取值范围。"
        ),
        "lone_surrogate": Meaning(
            "A text holds half a character (a lone surrogate).", "文本含有不完整的字符（孤立代理项）。"
        ),
        "malformed_cbor": Meaning(
            "The message is not CBOR, or has tags that are not read.", "报文不是合法的 CBOR，或含有不支持的标签。"
        ),
        "malformed_json": Meaning("The message is not strict JSON.", "报文不是严格的 JSON。"),
        "malformed_protobuf": Meaning("The bytes are not a Sparkplug B payload.", "字节不是 Sparkplug B 载荷。"),
        "measured_twice": Meaning(
            "One quantity has two different values for one element and instant.",
            "同一测点同一时刻同一量有两个不同的值。",
        ),
        "missing": Meaning("A required part is missing.", "缺少必填项。"),
        "no_area": Meaning("The shape in the picture has no area.", "影像中的形状没有面积。"),
        "no_form_fits": Meaning("None of the allowed forms fits.", "不符合任何一种允许的形式。"),
        "no_known_field": Meaning(
            "The decoded payload has no field that we know, and the device's model is not known.",
            "解码数据中没有可识别的字段，且设备型号未知。",
        ),
        "normalised_coordinates": Meaning(
            "The shape is given in shares of the picture, 0 to 1, instead of pixels.",
            "形状坐标为 0 到 1 的归一化值，应为像素。",
        ),
        "not_a_forecast": Meaning("The file is no table or document of a forecast.", "文件不是天气预报表或文档。"),
        "not_a_number": Meaning("NaN or Infinity stands where a number should.", "数值为 NaN 或 Infinity。"),
        "not_in_order": Meaning(
            "Statistics that must rise do not (min, p10, median, p90, max).", "统计值大小顺序不正确。"
        ),
        "not_together": Meaning("A part cannot stand beside the others.", "该项不能与其他项同时出现。"),
        "not_utf8": Meaning("The bytes are not UTF-8.", "报文不是 UTF-8 编码。"),
        "number_too_large": Meaning("A number does not fit a double.", "数值超出双精度范围。"),
        "out_of_range": Meaning("The value lies outside of what can be.", "数值超出可能的范围。"),
        "outside_image": Meaning("The shape lies outside of the picture.", "形状位于影像之外。"),
        "too_deep": Meaning("The message is nested too deeply.", "报文嵌套过深。"),
        "too_few": Meaning("A list has too few entries.", "列表项过少。"),
        "too_large": Meaning("The message is too large.", "报文过大。"),
        "too_many": Meaning("A list has too many entries.", "列表项过多。"),
        "undecoded": Meaning(
            "There are only bytes, and no model is known by which to read them.",
            "只有原始字节，且没有可用于解码的型号。",
        ),
        "unit_not_allowed": Meaning("The unit is not one that the quantity may arrive in.", "该量不接受此单位。"),
        "unit_not_known": Meaning(
            "An unknown model sent a value whose unit cannot be told.", "未知型号的数值无法判断单位。"
        ),
        "unknown_message": Meaning("A MAVLink message of another kind than 263.", "不是 263 号 MAVLink 报文。"),
        "unknown_quantity": Meaning("The quantity is not one that Greensward keeps.", "本系统不接收该物理量。"),
        "unknown_format": Meaning(
            "The document is of no network server that is read.", "报文不是任何已支持的网络服务器格式。"
        ),
        "unknown_topic": Meaning("No decoder reads this topic.", "没有解码器处理该主题。"),
        "value_not_allowed": Meaning("The value is not one of those allowed.", "取值不在允许之列。"),
        "value_not_understood": Meaning(
            "A field holds neither a number nor a mark for none.", "字段不是数值，也不是缺测标记。"
        ),
        "wrong_district": Meaning("The topic names another district.", "主题中的区名不是本区。"),
        "wrong_form": Meaning("A text is not in the form asked for.", "文本格式不符合要求。"),
        "wrong_length": Meaning("A text is too short or too long.", "文本长度不符合要求。"),
        "wrong_type": Meaning("A part is of another JSON type.", "JSON 类型不正确。"),
    }
)

QUARANTINE_CODES: Mapping[str, Meaning] = MappingProxyType(
    {
        "clocks_apart": Meaning(
            "The device's clock and the network's differ by more than 24 hours, and the reading is no history.",
            "设备时钟与网络时钟相差超过 24 小时，且不是补传数据。",
        ),
        "raw_mode_bit": Meaning(
            "The frame says raw counts, on a model whose firmware is not known to have that mode.",
            "帧标志为原始计数模式，但该型号固件未知是否支持。",
        ),
        "unit_uncertain": Meaning(
            "An unknown model seems to send its water content in another unit than before; register its model.",
            "未知型号的含水率单位似乎与之前不同；请登记其型号。",
        ),
    }
)
"""First word of `quarantine` in soil rows."""

IGNORED_CODES: Mapping[str, Meaning] = MappingProxyType(
    {
        "capture_failed": Meaning("The camera says that it took no picture.", "相机报告拍摄失败。"),
        "no_uplink": Meaning(
            "A network server's message that is no uplink: a downlink, a join, a location.",
            "网络服务器的其他消息（下行、入网、定位等），不是上行数据。",
        ),
        "no_value": Meaning("The fields that we know say that there is no value.", "已知字段均为缺测标记。"),
        "sparkplug_stale_death": Meaning(
            "The death of an earlier session of a Sparkplug node that was born again since.",
            "Sparkplug 节点早先会话的离线报文，该节点已重新上线。",
        ),
        "empty_uplink": Meaning("The uplink carries no payload.", "上行报文没有载荷。"),
        "retained_without_time": Meaning(
            "A retained state without a time: nobody knows when it was said.",
            "保留的状态报文没有时间，无法知道何时发出。",
        ),
        "state_cleared": Meaning("A retained state was taken back.", "保留的状态报文已被清除。"),
        "simulated": Meaning("The network server marked the uplink as simulated.", "网络服务器标记为模拟上行。"),
    }
    | {
        f"chirpstack_{event}": Meaning(f"A ChirpStack event of kind {event}.", f"ChirpStack 的 {event} 事件。")
        for event in ("join", "ack", "txack", "status", "log", "location", "integration", "error")
    }
    | {
        f"things_stack_{event}": Meaning(
            f"A message of The Things Stack of kind {event}.", f"The Things Stack 的 {event} 消息。"
        )
        for event in (
            "join",
            "down_queued",
            "down_sent",
            "down_ack",
            "down_nack",
            "down_failed",
            "service_data",
            "location_solved",
        )
    }
)
"""Why a message of soil devices has no rows by its kind."""
