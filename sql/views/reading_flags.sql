-- A soil reading with its flags in one text, as soil scientists exchange them: D06,D10 or G for good.
--
-- Grain: device, channel, depth and instant
-- As of: readings up to as_of; all days where no window is set
-- Reads: readings, limits
-- Feeds: questions, greensward qc
--
-- Codes of ISMN where ISMN has the gate (C01 to C03, D01, D04, D06 to D10), else our own (docs/glossary.md: Z0,
-- S1 to S3, A1, A2, B1, E1). D01 is soil below zero, D01+ soil that frost nearby or frost in the air lets count as
-- frozen. An exclamation mark is the blocking degree of a gate that has two.
select
    readings.device_id,
    readings.channel,
    readings.depth_cm,
    readings.plot_id,
    readings.measured_at,
    readings.date,
    readings.volumetric_water_content,
    readings.soil_temperature_c,
    readings.is_usable,
    coalesce(
        nullif(
            concat_ws(
                ',',
                case when readings.is_quarantined then 'quarantine' end,
                case when readings.is_z0_zero then 'Z0' end,
                case when readings.is_c01_negative then 'C01' end,
                case when readings.is_c02_too_high then 'C02' end,
                case when readings.is_c03_above_saturation then 'C03' end,
                case
                    when readings.is_d01_frozen
                        then case when readings.soil_temperature_c < limits.frozen_below_c then 'D01' else 'D01+' end
                end,
                case when readings.is_d04_watering then 'D04' end,
                case when readings.is_d06_spike then 'D06' end,
                case when readings.is_d07_drop then 'D07' end,
                case when readings.is_d08_jump then 'D08' end,
                case when readings.is_d09_low_plateau then 'D09' end,
                case when readings.is_d10_high_plateau then 'D10' end,
                case when readings.is_s1_fall then 'S1!' when readings.is_s1_suspect then 'S1' end,
                case when readings.is_s2_stuck then 'S2!' when readings.is_s2_suspect then 'S2' end,
                case when readings.is_s3_outlier then 'S3' end,
                case when readings.is_a1_in_air then 'A1' end,
                case when readings.is_a2_settling then 'A2' end,
                case when readings.is_b1_battery then 'B1!' when readings.is_b1_suspect then 'B1' end,
                case when readings.is_e1_saline then 'E1' end
            ),
            ''
        ),
        'G'
    ) as flags,
from readings
cross join limits
where readings.volumetric_water_content is not null
