-- The reference evapotranspiration of a short grass on a local day that is over.
--
-- Grain: day
-- As of: readings up to as_of; days of the window only
-- Reads: et0_inputs, et0_hours, sun_days, site_facts, reference_surfaces, limits
-- Feeds: weather_outlook, crop_et, depletion_shifts, balance_days
-- Kept as: table
--
-- ASCE 2005 standardised Penman-Monteith, short reference, daily; FAO-56 equation 6 is the same sum. What nobody
-- measured is replaced as FAO-56 chapter 3 says, and the three sources say so: radiation from the day's swing of
-- temperature (equation 50), humidity from the night's lowest temperature (equation 48), wind 2 m/s. Without
-- temperature there is no row. Air pressure is the measured one, else that of the elevation (equation 7). Where all 24
-- hours of the day can be reckoned for themselves, hourly_et0_mm is their sum, to be seen beside it: crop coefficients
-- and p are made for the daily step, which rules.
with airs as (
    select
        et0_inputs.*,
        (et0_inputs.temperature_max_c + et0_inputs.temperature_min_c) / 2 as temperature_mean_c,
        0.6108
        * exp(17.27 * et0_inputs.temperature_max_c / (et0_inputs.temperature_max_c + 237.3)) as saturation_max_kpa,
        0.6108
        * exp(17.27 * et0_inputs.temperature_min_c / (et0_inputs.temperature_min_c + 237.3)) as saturation_min_kpa,
        sun_days.extraterrestrial_radiation_mj_m2,
        (0.75 + 2e-5 * et0_inputs.elevation_m) * sun_days.extraterrestrial_radiation_mj_m2 as clear_sky_mj_m2,
        0.000665
        * coalesce(
            et0_inputs.air_pressure_kpa, 101.3 * power((293 - 0.0065 * et0_inputs.elevation_m) / 293, 5.26)
        ) as psychrometric_kpa,
        coalesce(et0_inputs.wind_2m_m_s, site_facts.wind_default_m_s) as usual_wind_2m_m_s,
    from et0_inputs
    cross join site_facts
    inner join sun_days on et0_inputs.date = sun_days.date
    where et0_inputs.temperature_max_c is not null
),

filled as (
    select
        airs.*,
        (airs.saturation_max_kpa + airs.saturation_min_kpa) / 2 as saturation_kpa,
        coalesce(airs.vapour_pressure_kpa, airs.saturation_min_kpa) as air_vapour_kpa,
        coalesce(
            airs.radiation_mj_m2,
            least(
                limits.radiation_from_temperature
                * sqrt(airs.temperature_max_c - airs.temperature_min_c)
                * airs.extraterrestrial_radiation_mj_m2,
                airs.clear_sky_mj_m2
            )
        ) as sun_mj_m2,
        2503 * exp(17.27 * airs.temperature_mean_c / (airs.temperature_mean_c + 237.3))
        / power(airs.temperature_mean_c + 237.3, 2) as slope_kpa,
    from airs
    cross join limits
),

radiations as (
    select
        filled.*,
        (1 - 0.23) * filled.sun_mj_m2
        - 4.901e-9
        * least(greatest(1.35 * least(greatest(filled.sun_mj_m2 / filled.clear_sky_mj_m2, 0.3), 1) - 0.35, 0.05), 1)
        * (0.34 - 0.14 * sqrt(filled.air_vapour_kpa))
        * (power(filled.temperature_max_c + 273.16, 4) + power(filled.temperature_min_c + 273.16, 4)) / 2
            as net_radiation_mj_m2,
    from filled
),

hour_sums as (
    select
        date,
        sum(et0_mm) as et0_mm,
    from et0_hours
    group by date
    having count(*) = 24
)

select
    radiations.date,
    round(
        greatest(
            (
                0.408 * radiations.slope_kpa * radiations.net_radiation_mj_m2
                + radiations.psychrometric_kpa * reference_surfaces.numerator / (radiations.temperature_mean_c + 273)
                * radiations.usual_wind_2m_m_s
                * (radiations.saturation_kpa - radiations.air_vapour_kpa)
            )
            / (
                radiations.slope_kpa
                + radiations.psychrometric_kpa * (1 + reference_surfaces.denominator * radiations.usual_wind_2m_m_s)
            ),
            0
        ), 9
    ) as et0_mm,
    round(case when hour_sums.et0_mm < 0 then 0 else hour_sums.et0_mm end, 9) as hourly_et0_mm,
    radiations.temperature_max_c,
    radiations.temperature_min_c,
    radiations.air_vapour_kpa as vapour_pressure_kpa,
    radiations.usual_wind_2m_m_s as wind_2m_m_s,
    radiations.sun_mj_m2 as radiation_mj_m2,
    radiations.net_radiation_mj_m2,
    case when radiations.radiation_mj_m2 is not null then 'measured' else 'temperature' end as radiation_source,
    case when radiations.vapour_pressure_kpa is not null then 'measured' else 'temperature' end as humidity_source,
    case when radiations.wind_2m_m_s is not null then 'measured' else 'default' end as wind_source,
from radiations
inner join reference_surfaces on reference_surfaces.surface = 'short' and reference_surfaces.time_step = 'day'
left join hour_sums on radiations.date = hour_sums.date
