"""The words that register files may use, English or Chinese, and the code that each stands for."""

from __future__ import annotations

import difflib
import functools
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_NEAR_ENOUGH = 0.5
"""One of two Chinese characters right is worth a question."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Codes and the words that people write for them.

    words: code → further words for it; the code itself is always accepted
    ambiguous: words that could mean more than one code → those codes
    advised: words that mean none of the codes → what to do about each
    guesses: whether the nearest word is worth a question; numbers are not near each other
    """

    words: Mapping[str, tuple[str, ...]]
    ambiguous: Mapping[str, tuple[str, ...]]
    advised: Mapping[str, str] = field(default_factory=dict)
    guesses: bool = True

    def code(self, text: str) -> str | None:
        """Return the code that `text` stands for, or None."""
        wanted = plain(text)
        for code, words in self.words.items():
            if wanted == plain(code) or any(wanted == plain(word) for word in words):
                return code
        return None

    def expected(self) -> str:
        """Return the codes as a sentence part, each with its first Chinese word."""
        return ", ".join(f"{code} ({words[0]})" if words else code for code, words in self.words.items())

    def advice(self, text: str) -> str:
        """Return a hint on what may have been meant by `text`."""
        for word, codes in self.ambiguous.items():
            if plain(word) == plain(text):
                return f"Write which: {' or '.join(codes)}."
        for word, what in self.advised.items():
            if plain(word) == plain(text):
                return what
        if not self.guesses:
            return "Write one of the expected words."
        known = {plain(word): code for code, words in self.words.items() for word in (code, *words)}
        near = difflib.get_close_matches(plain(text), list(known), n=1, cutoff=_NEAR_ENOUGH)
        return f"Did you mean {known[near[0]]}?" if near else "Write one of the expected words."


@functools.lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Return `text` as it is compared: lower case, half-width, no spaces, the common spelling of variant characters."""
    lowered = unicodedata.normalize("NFKC", text).strip().lower().replace(" ", "_").replace("-", "_")
    return lowered.replace("粘", "黏").replace("沙", "砂").replace("质", "").replace("粉砂", "粉")


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return "Did you mean …?" with the nearest of `known`, or `otherwise` when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean {near[0]}?" if near else otherwise


PLOT_TYPES = Vocabulary(
    {
        "park": ("公园", "综合公园", "社区公园", "专类公园", "公园绿地"),
        "pocket_park": ("口袋公园", "游园", "街心公园", "小游园", "街旁绿地"),
        "road_green_belt": ("道路绿带", "道路绿地", "道路绿化带", "路侧绿带", "绿化带", "道路绿化"),
        "median": ("分车带", "分车绿带", "中央分隔带", "中央隔离带", "中分带", "中间分车绿带"),
        "street_trees": ("行道树", "行道树绿带", "行道树带"),
        "riverside": ("滨河绿地", "滨水绿地", "河岸绿地", "滨河", "河道绿化", "滨河绿带"),
        "other": ("其他", "其它", "其他绿地", "附属绿地", "防护绿地"),
    },
    {"绿地": ("park", "pocket_park", "road_green_belt")},
)
"""Types of plots; the Chinese words follow the classification of urban green space, CJJ/T 85."""

VEGETATION = Vocabulary(
    {
        "cool_turf": ("冷季型草坪", "冷季草坪", "冷季型草", "冷季草", "冷型草坪"),
        "warm_turf": ("暖季型草坪", "暖季草坪", "暖季型草", "暖季草", "暖型草坪"),
        "shrubs": ("灌木", "绿篱", "灌木丛", "花灌木", "灌木绿篱", "shrub", "hedge", "hedges"),
        "trees": ("乔木", "树木", "阔叶乔木", "落叶乔木", "tree"),
        "conifers": ("针叶树", "针叶乔木", "松柏", "conifer"),
        "new_planting": ("新植", "新栽", "新植苗木", "新栽植", "newly_planted"),
    },
    {
        "草坪": ("cool_turf", "warm_turf"),
        "草": ("cool_turf", "warm_turf"),
        "草地": ("cool_turf", "warm_turf"),
        "turf": ("cool_turf", "warm_turf"),
        "grass": ("cool_turf", "warm_turf"),
        "lawn": ("cool_turf", "warm_turf"),
        "常绿树": ("trees", "conifers"),
    },
)
"""Vegetation as FAO-56 table 22 tells root depths apart."""

SOIL_TEXTURES = Vocabulary(
    {
        "sand": ("砂土",),
        "loamy_sand": ("壤砂土",),
        "sandy_loam": ("砂壤土",),
        "loam": ("壤土",),
        "silt_loam": ("粉壤土",),
        "silt": ("粉土",),
        "sandy_clay_loam": ("砂黏壤土",),
        "clay_loam": ("黏壤土",),
        "silty_clay_loam": ("粉黏壤土",),
        "sandy_clay": ("砂黏土",),
        "silty_clay": ("粉黏土",),
        "clay": ("黏土",),
    },
    {
        "轻壤土": ("sandy_loam", "loam"),
        "中壤土": ("loam", "silt_loam"),
        "重壤土": ("clay_loam", "silty_clay_loam"),
    },
)
"""The 12 texture classes of the USDA; 质 in the middle, 粘 for 黏, 沙 for 砂 and 粉砂 for 粉 are the same words."""

IRRIGATION = Vocabulary(
    {
        "basin": ("树穴", "漫灌", "浇灌", "人工浇灌", "水车", "树盘", "水管浇灌", "畦灌"),
        "sprinkler": ("喷灌", "喷头", "微喷", "微喷灌"),
        "drip": ("滴灌", "滴管", "小管出流", "滴箭"),
    },
    {},
)
"""How water is given, as the application efficiencies in sql/reference tell it apart."""

GRADES = Vocabulary(
    {
        "1": ("一级", "Ⅰ级", "i级", "一", "1级", "ⅰ"),
        "2": ("二级", "Ⅱ级", "ii级", "二", "2级", "ⅱ"),
        "3": ("三级", "Ⅲ级", "iii级", "三", "3级", "ⅲ"),
    },
    {},
    {"特级": "There are three grades here, and each sets how soon water must come: write 1 for 特级 too."},
    guesses=False,
)
"""Maintenance grades."""

PLOT_PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "plot_id": ("地块编号", "地块id", "绿地编号"),
    "name": ("地块名称", "名称", "绿地名称", "plot_name"),
    "plot_type": ("绿地类型", "类型", "地块类型"),
    "maintenance_grade": ("养护等级", "养护级别", "等级"),
    "vegetation": ("植被类型", "植被"),
    "planted_on": ("栽植日期", "种植日期"),
    "soil_texture": ("土壤质地", "质地"),
    "field_capacity": ("田间持水量",),
    "wilting_point": ("凋萎系数", "萎蔫系数", "凋萎点"),
    "saturation": ("饱和含水率", "饱和含水量"),
    "sand_pct": ("砂粒含量", "砂粒", "砂粒%", "sand"),
    "clay_pct": ("黏粒含量", "黏粒", "黏粒%", "clay"),
    "organic_matter_pct": ("有机质含量", "有机质", "有机质%", "organic_matter", "om"),
    "soil_layers": ("土层", "土壤分层", "分层土壤"),
    "irrigation": ("灌溉方式", "浇灌方式"),
    "wetted_fraction": ("浇灌面积比例", "浇灌比例"),
    "tree_pits": ("树穴数", "树穴", "树池数", "树穴数量"),
    "tree_pit_radius_m": ("树穴半径", "树池半径", "树穴半径m"),
    "water_ec_ds_m": ("灌溉水电导率", "水电导率", "ecw"),
    "soil_ece_ds_m": ("土壤饱和浸提液电导率", "土壤ece", "ece"),
    "canopy_height_m": ("冠层高度", "树高", "株高", "canopy_height"),
    "plants": ("主要植物", "植物"),
    "grid_id": ("管理网格", "网格编号", "网格"),
    "responsible_unit": ("责任单位", "养护单位"),
    "responsible_person": ("责任人", "负责人"),
    "phone": ("联系电话", "电话"),
    "crew": ("作业班组", "班组"),
    "address_hint": ("位置说明", "位置", "地址"),
    "access_note": ("进出说明",),
    "water_source": ("取水点", "水源"),
}
"""Properties of a plot's feature, and the Chinese names that are accepted for each."""

_SOIL_COLUMNS = ("field_capacity", "wilting_point", "saturation", "sand_pct", "clay_pct", "organic_matter_pct")
_SHORT = {"field_capacity": ("fc",), "wilting_point": ("wp",), "saturation": ("sat",)}

SOIL_LAYER_PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "from_cm": ("上界", "上界cm", "depth_from_cm", "top_cm"),
    "to_cm": ("下界", "下界cm", "depth_to_cm", "bottom_cm"),
    "soil_texture": ("texture", *PLOT_PROPERTIES["soil_texture"]),
    **{name: (*PLOT_PROPERTIES[name], *_SHORT.get(name, ())) for name in _SOIL_COLUMNS},
}
"""Properties of one of a plot's soil layers, and the other names that are accepted for each."""

DEVICE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "device_id": ("设备编号", "设备id", "deveui", "dev_eui"),
    "model": ("型号", "设备型号"),
    "plot_id": ("地块编号", "所在地块", "地块"),
    "depths_cm": ("埋深", "埋深cm", "埋深(cm)", "埋深（cm）", "depth_cm", "depths"),
    "report_interval_s": ("上报间隔", "上报间隔s", "上报间隔(s)", "上报间隔（s）", "上报间隔秒"),
    "lon": ("经度", "longitude"),
    "lat": ("纬度", "latitude"),
    "wind_height_m": ("测风高度", "测风高度m", "测风高度(m)", "测风高度（m）", "风速高度", "anemometer_height_m"),
    "elevation_m": ("海拔", "海拔m", "海拔(m)", "海拔（m）", "海拔高度", "altitude_m"),
    "note": ("备注", "说明"),
    "valid_from": ("生效", "生效时刻", "生效日期", "启用日期"),
    "valid_to": ("失效", "失效时刻", "失效日期", "停用日期"),
}
"""Columns of the devices file, and the Chinese names that are accepted for each."""


def canonical_names(columns: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return every accepted spelling of a property or column, as `plain` makes it → its name."""
    return {plain(word): name for name, words in columns.items() for word in (name, *words)}
