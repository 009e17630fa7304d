-- zh: 每个探头有多少读数不可用，分别为什么（饱和平台上的读数，判断时仍作数）？
-- en: How many readings of each device are not usable, and why (those on a saturated plateau still count in verdicts)?
select
    device_id,
    sum(readings) as readings,
    sum(usable) as usable,
    sum(zero_or_negative) as zero_or_negative,
    sum(too_high) as too_high,
    sum(potential_above_zero) as potential_above_zero,
    sum(frozen) as frozen,
    sum(spikes) as spikes,
    sum(drops) as drops,
    sum(on_low_plateau) as on_low_plateau,
    sum(on_saturated_plateau) as on_saturated_plateau,
    sum(in_air) as in_air,
    sum(stuck) as stuck,
    sum(low_battery) as low_battery,
    sum(quarantined) as quarantined,
from gates_daily
group by device_id
order by device_id
